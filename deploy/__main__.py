"""`make deploy ENV=dev`, and `make images`, which pushes only the images; Terraform is run by hand.

See docs/deploy.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.build import build_for_terraform
from deploy.images import build_contexts
from deploy.import_closure import ImportClosureError
from deploy.package import PROJECT
from deploy.release import (
    ARCHITECTURES,
    ENVIRONMENTS,
    TERRAFORM,
    Release,
    ReleaseError,
    ReleaseTarget,
)
from deploy.shell import CommandFailedError, RealShell
from deploy.wheels import WheelsError, locked_requirements, uv_from

TOOLS = {
    "terraform": "Terraform 1.9 or later",
    "aws": "the AWS CLI, logged in to the account",
    "docker": "Docker, running",
}


def main(arguments: Sequence[str] | None = None, *, terraform: Path = PROJECT / TERRAFORM) -> int:
    """Deploys or removes the system; returns 1, with a reason on standard error, when it can't.

    Args:
        arguments: The command's arguments, instead of this process's.
        terraform: The environments' folder.
    """
    args = _parser().parse_args(arguments)
    if not args.region:
        return _fail("no region: pass --region or set AWS_REGION")
    missing = [what for tool, what in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        return _fail(f"required but not found: {', '.join(missing)}")
    out = PROJECT / "build"
    uv = uv_from()
    try:
        _report("building the Lambdas' zips")
        build_for_terraform(uv)  # and definitions.json, which Terraform reads
        contexts = build_contexts(
            out=out, requirements_of=lambda group: locked_requirements(uv, PROJECT, group)
        )
        release = Release(
            RealShell(os.environ),
            ReleaseTarget(environment=args.env, region=args.region, platform=args.platform),
            contexts,
            folder=terraform / args.env,
            report=_report,
        )
        if args.images:
            release.push_images()
        elif args.destroy:
            release.destroy(confirms=not args.yes)
        else:
            release.apply(confirms=not args.yes)
    except (ImportClosureError, WheelsError, ReleaseError, CommandFailedError) as error:
        return _fail(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy",
        description="Deploy the system to the account that the AWS CLI is logged in to.",
    )
    parser.add_argument("--env", choices=ENVIRONMENTS, required=True, help="environment to deploy")
    parser.add_argument(
        "--region",
        default=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        help="AWS region (default: AWS_REGION)",
    )
    parser.add_argument(
        "--platform",
        choices=sorted(ARCHITECTURES),
        default="linux/arm64",
        help="platform of the images (default: %(default)s, which is a fifth cheaper to run)",
    )
    parser.add_argument("--yes", action="store_true", help="apply without confirmation")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--images", action="store_true", help="only build and push the images")
    what.add_argument("--destroy", action="store_true", help="remove everything instead")
    return parser


def _report(what: str) -> None:
    print(f"deploy: {what}", file=sys.stderr)  # noqa: T201 - a command's progress


def _fail(why: str) -> int:
    print(f"not deployed: {why}", file=sys.stderr)  # noqa: T201 - a command's output
    return 1


if __name__ == "__main__":
    sys.exit(main())
