"""``python -m sim trace T-1:1700000000000:7``: finds one point in the local cloud's logs."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sim.commands.options import add_env_option
from sim.commands.up import DEFAULT_RUN_DIR
from sim.environment import EnvironmentFileError, read_environment
from sim.local_cloud.lambda_logs import log_lines


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "trace",
        help="follow one point through the logs",
        description="Prints every line about one point in the logs of the local cloud, in order "
        "of time: accepted, indexed, the status that it changed, the connections that it was "
        "posted to. Points have such lines only while their truck is traced: python -m sim up "
        "--set TRACE_TRUCKS=T-1.",
        epilog="Exit code: 0 if there is a line, 1 if there is none.",
    )
    parser.add_argument(
        "point_id",
        metavar="POINT",
        help="the point's id: {truck}:{recorded_at in ms}:{seq, or h and a hash of its place}; "
        "a prefix that ends with a colon, such as T-1:, matches all points that begin with it",
    )
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=DEFAULT_RUN_DIR,
        metavar="DIR",
        help="folder of the parts' logs (default: %(default)s)",
    )
    add_env_option(parser, "the local cloud, to read the logs of its Lambdas")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the lines; returns 0 if there are any, 1 otherwise."""
    try:
        lambdas = [line for _, line in log_lines(read_environment(args.env))]
    except (EnvironmentFileError, BotoCoreError, ClientError) as problem:
        print(f"the Lambdas' logs can't be read: {problem}", file=sys.stderr)
        return 1
    found = steps_of(args.point_id, itertools.chain(lambdas, _lines_in(args.run_dir)))
    for step in found:
        print(json.dumps(step, separators=(",", ":")))
    if not found:
        print(f"no line about {args.point_id}: is its truck traced?", file=sys.stderr)
    return 0 if found else 1


def steps_of(point_id: str, lines: Iterable[str]) -> list[dict[str, Any]]:
    """Returns the steps of a point, or of all points with an id prefix, in order of time.

    Args:
        point_id: The point's id, or a prefix that ends with a colon.
        lines: Lines of any logs, in any order.
    """
    is_part = point_id.endswith(":")
    steps = [
        step
        for step in _events(line for line in lines if point_id in line)
        if step.get("event") == "point"
        and (
            str(step["point_id"]).startswith(point_id) if is_part else step["point_id"] == point_id
        )
    ]
    return sorted(steps, key=lambda step: str(step["timestamp"]))


def _lines_in(run_dir: Path) -> Iterator[str]:
    for path in sorted(run_dir.glob("*.log")):
        with path.open(encoding="utf-8", errors="replace") as log:
            yield from log


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a line of another program, which is not JSON
        if isinstance(event, dict):
            yield event
