"""``python -m deploy.capacity``: what a fleet needs in AWS, what it costs, what breaks first."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence

from deploy.capacity.plan import plan_for
from deploy.capacity.report import json_of, text_of
from deploy.capacity.scenario import OPTIONS, Scenario, ScenarioError


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the report; returns 2, with the reason on standard error, for an invalid scenario."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    as_json = options.pop("json")
    try:
        plan = plan_for(Scenario(**options))
    except ScenarioError as error:
        parser.error(str(error))
    print(json.dumps(json_of(plan), indent=1) if as_json else text_of(plan))  # noqa: T201 - its output
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.capacity",
        description="Calculates what a fleet needs in AWS, what that costs per month, and which "
        "limit it reaches first. Uses the results of `make bench`, AWS's limits and AWS's list "
        "prices (deploy/capacity/*.toml). See docs/capacity.md.",
    )
    for field in dataclasses.fields(Scenario):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            metavar="N",
            help=f"{OPTIONS[field.name].help} (%(default)s)",
        )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
