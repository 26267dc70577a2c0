"""What several subcommands take."""

from __future__ import annotations

import argparse
from pathlib import Path

from sim.environment import DEFAULT_ENV_FILE


def add_env_option(parser: argparse.ArgumentParser, use: str) -> None:
    """Adds ``--env FILE``: where it is written how a system is reached.

    Args:
        parser: A subcommand's.
        use: What the subcommand does with it.
    """
    parser.add_argument(
        "--env",
        type=Path,
        default=DEFAULT_ENV_FILE,
        metavar="FILE",
        help=f"{use} (default: %(default)s)",
    )
