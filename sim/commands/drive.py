"""``python -m sim drive``: drives trucks and checks where every point arrived."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp

from rtdts.runtime import wall_clock
from sim.commands.options import add_env_option, count, seconds
from sim.drive.deliveries_api import ApiError
from sim.drive.five_trucks import DriveOptions, drive_fleet
from sim.drive.simulated_truck import System, Transport
from sim.drive.verdict import Verdict
from sim.environment import EnvironmentFileError, read_environment
from sim.fleet.trips import TripTooShortError
from sim.local_cloud.iot_ingest import create_iot_ingest
from sim.token_client import TokenClient, TokenError
from sim.viewers.connection import HandshakeRejectedError

TRANSPORTS: dict[str, tuple[Transport, ...]] = {
    "http": ("http",),
    "mqtt": ("mqtt",),
    "mixed": ("http", "mqtt"),
    "iot": ("iot",),
    "all": ("http", "mqtt", "iot"),
}
EXIT_OK, EXIT_NOT_OK, EXIT_NOT_RUN, EXIT_INTERRUPTED = 0, 1, 2, 130


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "drive",
        help="drive trucks in real time and check where every point arrived",
        description="Creates one delivery per truck and drives real roads in real time. "
        "Connects the customers, and intruders that request deliveries without the right to "
        "view them. Then checks each point by its id, in the stores and on the sockets. If the "
        "environment names no OpenSearch, checks only HTTP and the sockets.",
        epilog="Exit code: 0 if everything is right, 1 if the verdict names a problem, 2 if the "
        "drive could not be run, 130 after Ctrl-C. Progress goes to standard error.",
    )
    parser.add_argument(
        "--trucks",
        type=count,
        default=5,
        metavar="N",
        help="number of trucks (default: %(default)s)",
    )
    parser.add_argument(
        "--duration",
        type=seconds(more_than=0),
        default=60.0,
        metavar="S",
        help="seconds that each truck's trip takes, including the two stops; 45 is enough for "
        "every route (default: %(default)s)",
    )
    parser.add_argument(
        "--dwell-s",
        type=seconds(),
        metavar="S",
        help="the system's dwell in seconds, if it fits the duration: trucks then stop for that "
        "long at both ends, and the system must detect pickup and arrival; without it, the "
        "driver declares the pickup if no rule has detected it yet",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of all random choices (default: %(default)s)"
    )
    parser.add_argument(
        "--via",
        choices=TRANSPORTS,
        default="http",
        help="the ingest endpoint for the points; mixed: every other truck over MQTT; iot: AWS "
        "IoT Core's rule, in a local cloud only; all: the trucks take the endpoints in turn "
        "(default: %(default)s)",
    )
    parser.add_argument("--gzip", action="store_true", help="send compressed batches")
    parser.add_argument(
        "--wait-s",
        type=seconds(),
        default=60.0,
        metavar="S",
        help="seconds to wait for the stores and the sockets' messages (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="end with the verdict as a JSON line")
    add_env_option(parser, "environment file of the system under test")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the drive; returns the exit code."""
    options = DriveOptions(
        trucks=args.trucks,
        duration_s=args.duration,
        dwell_s=args.dwell_s,
        seed=args.seed,
        compress=args.gzip,
        transports=TRANSPORTS[args.via],
        wait_s=args.wait_s,
    )
    try:
        verdict = asyncio.run(_drive(args.env, options))
    except (
        EnvironmentFileError,
        TokenError,
        TripTooShortError,
        ApiError,
        HandshakeRejectedError,
    ) as error:
        _print_line(f"the drive could not be run: {error}")
        if isinstance(error, TripTooShortError):
            _print_line("try a longer --duration: the default, 60, fits on every route")
        return EXIT_NOT_RUN
    except KeyboardInterrupt:
        _print_line("interrupted")
        return EXIT_INTERRUPTED
    _print(verdict)
    if args.json:
        print(json.dumps(verdict.to_json()), flush=True)
    return EXIT_OK if verdict.ok else EXIT_NOT_OK


async def _drive(env_file: Path, options: DriveOptions) -> Verdict:
    environment = read_environment(env_file)
    if "mqtt" in options.transports and not environment.mqtt_url:
        raise EnvironmentFileError(f"{env_file} names no MQTT broker (MqttURL)")
    if "iot" in options.transports:
        if not environment.aws_endpoint_url:
            raise EnvironmentFileError(
                "--via iot works only with a local cloud, where trucks need no certificates"
            )
        _print_line("setting up the ingest endpoint over AWS IoT Core")
        await asyncio.to_thread(create_iot_ingest, environment)
    async with aiohttp.ClientSession() as session:
        system = System(
            environment=environment,
            session=session,
            tokens=TokenClient.of(environment),
            now_ms=wall_clock.now_ms,
        )
        return (await drive_fleet(system, options, _print_line)).verdict


def _print(verdict: Verdict) -> None:
    rows = {
        "points accepted": verdict.accepted,
        "  in the history": verdict.in_history,
        "  in the raw log": verdict.in_raw,
        "latest position correct": _of(verdict.latest_ok, verdict.trucks),
        "messages": ", ".join(f"{viewer} {count}" for viewer, count in verdict.messages.items()),
        "gaps, p50/p99/longest": ", ".join(
            f"{viewer} {gaps}" for viewer, gaps in verdict.gaps.items()
        ),
        "statuses seen": ", ".join(verdict.statuses),
        "fix to socket, p50": _seconds(verdict.age_p50_s),
        "fix to socket, p99": _seconds(verdict.age_p99_s),
        "rejections": verdict.rejections,
        "foreign messages": verdict.foreign,
    }
    for name, value in rows.items():
        print(f"{name:24}{'not visible' if value is None else value}")
    for unseen in verdict.unseen:
        print(f"not checked: {unseen}")
    for problem in verdict.problems:
        print(f"PROBLEM: {problem}")
    print("the drive is OK" if verdict.ok else "the drive is NOT OK", flush=True)


def _of(part: int | None, whole: int) -> str | None:
    return None if part is None else f"{part} of {whole} trucks"


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f} s"


def _print_line(text: str) -> None:
    print(f"sim drive: {text}", file=sys.stderr, flush=True)
