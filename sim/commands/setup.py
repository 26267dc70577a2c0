"""``python -m sim setup``: what ``make setup`` does."""

from __future__ import annotations

import argparse
from typing import Any

from sim.setup import steps


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    subparsers.add_parser(
        "setup",
        help="download and build whatever is missing",
        description="Downloads and builds whatever is missing: virtual environments, "
        "OpenSearch's jars and launcher. What clones can share is kept in $RTDTS_CACHE "
        "(default: ~/.cache/rtdts).",
    )


def run(args: argparse.Namespace) -> int:
    """Sets up."""
    return steps.main()
