"""``python -m sim setup``: what ``make setup`` does."""

from __future__ import annotations

import argparse
from typing import Any

from sim.setup import steps


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    subparsers.add_parser(
        "setup",
        help="fetch and make whatever is missing",
        description="Fetches and makes whatever is missing: virtual environments, OpenSearch's "
        "jars and launcher. What can be shared is kept in $RTDTS_CACHE (~/.cache/rtdts).",
    )


def run(args: argparse.Namespace) -> int:
    """Sets up."""
    return steps.main()
