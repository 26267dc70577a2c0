"""Options that several subcommands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from sim.environment import DEFAULT_ENV_FILE


def add_env_option(parser: argparse.ArgumentParser, use: str) -> None:
    """Adds ``--env FILE``: the file with the addresses of a system.

    Args:
        parser: The subcommand's parser.
        use: The help text: what the subcommand does with the file or the system.
    """
    parser.add_argument(
        "--env",
        type=Path,
        default=DEFAULT_ENV_FILE,
        metavar="FILE",
        help=f"{use} (default: %(default)s)",
    )


def count(text: str) -> int:
    """An option's type: a whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def seconds(
    *, at_least: float = 0.0, at_most: float = math.inf, more_than: float = -math.inf
) -> Callable[[str], float]:
    """An option's type: a finite number of seconds within limits."""

    def number(text: str) -> float:  # argparse uses this name in its error message
        value = float(text)
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError("must be a number of seconds")
        if value <= more_than:
            raise argparse.ArgumentTypeError(f"must be more than {more_than:g}")
        if value < at_least:
            raise argparse.ArgumentTypeError(f"must be at least {at_least:g}")
        if value > at_most:
            raise argparse.ArgumentTypeError(f"must be at most {at_most:g}")
        return value

    return number
