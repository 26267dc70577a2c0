"""``python -m sim load-test``: opens many customers' sockets at once, and measures them."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import resource
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.live import Live

from rtdts.runtime import wall_clock
from sim.commands.options import add_env_option, count, seconds
from sim.commands.up import DEFAULT_RUN_DIR
from sim.drive.background import run_with_background
from sim.drive.deliveries_api import ApiError
from sim.drive.simulated_truck import System
from sim.environment import (
    DEFAULT_ENV_FILE,
    Environment,
    EnvironmentFileError,
    read_environment,
)
from sim.fleet.trips import TripTooShortError
from sim.load.load_test import LoadTest
from sim.load.plan import LoadOptions
from sim.load.processes import CpuMeter
from sim.load.report import Limits, LoadReport
from sim.load.time_series import TimeSeries, draw
from sim.load.view import line_of, report_lines, table_of
from sim.token_client import TokenClient, TokenError

EXIT_OK, EXIT_NOT_OK, EXIT_NOT_RUN, EXIT_INTERRUPTED = 0, 1, 2, 130
REDRAW_S = 0.5
LINES_EVERY_S = 5.0
OTHER_FILES = 200
"""Open files that this program needs besides the sockets under test."""


class TooManySocketsError(Exception):
    """This machine does not allow as many open files as the test needs."""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "load-test",
        help="keep many customer sockets open while trucks drive, and measure them",
        description="Creates deliveries and drives their trucks. Opens real WebSockets for "
        "their customers at a given rate and keeps them open. Measures connect time, age of the "
        "positions shown, gaps between messages, and errors by kind. Works against the system "
        "that the environment file names, local or deployed. Cancels its deliveries at the end.",
        epilog="Exit code: 0 if all sockets stayed within the limits, 1 if not, 2 if the test "
        "could not be run, 130 after Ctrl-C. Progress goes to standard error.",
    )
    load, defaults = parser.add_argument_group("load"), LoadOptions()
    load.add_argument(
        "--sockets",
        type=count,
        default=defaults.sockets,
        metavar="N",
        help=_help("number of sockets"),
    )
    load.add_argument(
        "--near",
        type=int,
        default=defaults.near,
        metavar="N",
        help=_help(
            "how many of them watch a truck near its destination, with one message per second each"
        ),
    )
    load.add_argument(
        "--duration",
        type=seconds(more_than=0),
        default=defaults.duration_s,
        metavar="S",
        help=_help("seconds to keep them open, from when all have their first snapshot"),
    )
    load.add_argument(
        "--wait-s",
        type=seconds(more_than=0),
        default=defaults.wait_s,
        metavar="S",
        help=_help("seconds that the first snapshots may take, from when the last socket connects"),
    )
    load.add_argument(
        "--connect-rate",
        type=count,
        default=defaults.connect_rate,
        metavar="N",
        help=_help("sockets opened per second"),
    )
    load.add_argument(
        "--trucks", type=count, default=defaults.trucks, metavar="N", help=_help("number of trucks")
    )
    load.add_argument(
        "--deliveries-per-truck",
        type=count,
        default=defaults.deliveries_per_truck,
        metavar="N",
        help=_help("deliveries per truck; each has its own customer"),
    )
    load.add_argument(
        "--seed", type=int, default=defaults.seed, help=_help("seed of all random choices")
    )
    _add_limits(parser)
    parser.add_argument("--json", action="store_true", help="end with the report as a JSON line")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="plot the results over time into this file (SVG)"
    )
    add_env_option(parser, "environment file of the system under test")
    parser.add_argument(
        "--url",
        metavar="URL",
        help="open the sockets at this wss: or ws: URL instead of the environment's WebSocketURL",
    )
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="run folder of a local cloud, to report the CPU of its parts "
        f"(with the default --env: {DEFAULT_RUN_DIR})",
    )
    parser.set_defaults(run=run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    limits, defaults = parser.add_argument_group("limits"), Limits()
    limits.add_argument(
        "--max-errors",
        type=int,
        default=defaults.max_errors,
        metavar="N",
        help=_help("maximum number of errors of all kinds"),
    )
    limits.add_argument(
        "--max-gap-s",
        type=seconds(),
        default=defaults.max_gap_s,
        metavar="S",
        help=_help("maximum time without a message on any socket"),
    )
    limits.add_argument(
        "--max-age-p99-s",
        type=seconds(),
        metavar="S",
        help="maximum p99 of the time from the fix to the socket (default: no limit)",
    )
    limits.add_argument(
        "--max-connect-p99-s",
        type=seconds(),
        metavar="S",
        help="maximum p99 of the time to open a socket (default: no limit)",
    )
    limits.add_argument(
        "--max-snapshot-p99-s",
        type=seconds(),
        metavar="S",
        help="maximum p99 of the time from opening a socket to its first snapshot (default: no "
        "limit)",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the load test; returns the exit code."""
    options = LoadOptions(
        sockets=args.sockets,
        near=args.near,
        duration_s=args.duration,
        connect_rate=args.connect_rate,
        wait_s=args.wait_s,
        trucks=args.trucks,
        deliveries_per_truck=args.deliveries_per_truck,
        seed=args.seed,
    )
    limits = Limits(
        max_errors=args.max_errors,
        max_gap_s=args.max_gap_s,
        max_age_p99_s=args.max_age_p99_s,
        max_connect_p99_s=args.max_connect_p99_s,
        max_snapshot_p99_s=args.max_snapshot_p99_s,
    )
    try:
        allow_sockets(options.sockets)
        environment = _environment(args)
        time_series, report, was_stopped = asyncio.run(
            _run(environment, options, _meter(args, environment))
        )
    except (
        *(EnvironmentFileError, TokenError, TripTooShortError, TooManySocketsError),
        *(ApiError, ExceptionGroup),
    ) as error:
        _print_line(f"the load test could not be run: {_first(error)}")
        return EXIT_NOT_RUN
    except KeyboardInterrupt:
        _print_line("interrupted before the first socket")
        return EXIT_INTERRUPTED
    problems = report.problems(limits)
    for line in report_lines(report, problems):
        print(line)
    if args.plot is not None and time_series.samples:
        title = f"{options.sockets} sockets, {options.near} of them near their destination"
        args.plot.write_text(
            draw(time_series.samples, title, time_series.held_from_s), encoding="utf-8"
        )
        print(f"plot written to {args.plot}")
    if args.json:
        print(json.dumps(report.to_json(problems)), flush=True)
    if was_stopped:
        return EXIT_INTERRUPTED
    return EXIT_NOT_OK if problems else EXIT_OK


def _environment(args: argparse.Namespace) -> Environment:
    environment = read_environment(args.env)
    return dataclasses.replace(environment, websocket_url=args.url) if args.url else environment


def _meter(args: argparse.Namespace, environment: Environment) -> CpuMeter | None:
    if args.run_dir is not None:
        return CpuMeter(args.run_dir)
    # Terraform writes the addresses of a deployed system to the default file.
    is_local = urlsplit(environment.websocket_url).hostname == "127.0.0.1"
    is_default = args.env == DEFAULT_ENV_FILE and not args.url
    return CpuMeter(DEFAULT_RUN_DIR) if is_default and is_local else None


async def _run(
    environment: Environment, options: LoadOptions, cpu: CpuMeter | None
) -> tuple[TimeSeries, LoadReport, bool]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console = Console(stderr=True, highlight=False)
    async with aiohttp.ClientSession() as session:
        system = System(
            environment=environment,
            session=session,
            tokens=TokenClient.of(environment),
            now_ms=wall_clock.now_ms,
        )
        test = LoadTest(system, options, _print_line, cpu=cpu)
        show = _draw_table if console.is_terminal else _print_lines
        report = await run_with_background(test.run(stop), show(console, test))
    return test.time_series, report, stop.is_set()


async def _draw_table(console: Console, test: LoadTest) -> None:
    await test.started.wait()
    with Live(console=console, auto_refresh=False) as live:
        while test.is_holding:
            live.update(table_of(test.progress), refresh=True)
            await asyncio.sleep(REDRAW_S)


async def _print_lines(_: Console, test: LoadTest) -> None:
    await test.started.wait()
    while test.is_holding:
        _print_line(line_of(test.progress))
        await asyncio.sleep(LINES_EVERY_S)


def allow_sockets(count: int) -> None:
    """Raises this process's limit of open files to what the sockets need.

    Raises:
        TooManySocketsError: The limit can't be raised that far.
    """
    needed = count + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooManySocketsError(
            f"{count} sockets need {needed} open files, and this machine allows {hard} (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _help(text: str) -> str:
    return f"{text} (default: %(default)s)"


def _print_line(text: str) -> None:
    print(f"sim load-test: {text}", file=sys.stderr, flush=True)
