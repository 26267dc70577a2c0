"""``python -m sim demo``: runs the complete product on one machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.live import Live

from rtdts.runtime import wall_clock
from sim.commands.options import add_env_option, count, seconds
from sim.drive.background import run_with_background
from sim.drive.deliveries_api import ApiError
from sim.drive.demo import Demo, DemoOptions
from sim.drive.demo_view import DemoSummary, line_of, page_lines, table_of, where_to_look
from sim.drive.simulated_truck import System
from sim.environment import EnvironmentFileError, read_environment
from sim.fleet.trips import TripTooShortError
from sim.local_cloud.launch import CloudFailedError, CloudProcess, up_command
from sim.token_client import TokenClient, TokenError
from sim.viewers.connection import HandshakeRejectedError

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130
ROUND_INTERVAL_S = 10
REDRAW_S = 0.5
LINES_EVERY_S = 10.0

DemoError = (
    CloudFailedError,
    EnvironmentFileError,
    TokenError,
    TripTooShortError,
    ApiError,
    HandshakeRejectedError,
)


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="run the complete product on this machine: local cloud, trucks, customers",
        description="Starts the local cloud, drives trucks on real roads, one delivery after "
        "another, and shows what their customers' sockets receive. Ends on Ctrl-C, or after "
        "--seconds. The last line is a summary.",
        epilog="Exit code: 0 if every truck's positions reached its customer's socket and no "
        "other; 1 if not, or if a part could not start; 130 if it was stopped before the "
        "first truck drove.",
    )
    parser.add_argument(
        "--seconds",
        type=seconds(more_than=0),
        default=os.environ.get("DEMO_SECONDS") or None,
        metavar="S",
        help="seconds after the first truck's start at which the demo ends (default: "
        "$DEMO_SECONDS, else never)",
    )
    parser.add_argument(
        "--trucks",
        type=count,
        default=5,
        metavar="N",
        help="number of trucks (default: %(default)s)",
    )
    parser.add_argument(
        "--dwell-s",
        type=seconds(),
        default=5.0,
        metavar="S",
        help="seconds that a truck must stay at a place to count as arrived (default: %(default)s)",
    )
    parser.add_argument(
        "--ports",
        choices=("default", "auto"),
        default="default",
        help="ports of the local cloud (see `sim up --help`)",
    )
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="run folder of the local cloud (see `sim up --help`)",
    )
    add_env_option(parser, "the file to which the local cloud writes its addresses")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the demo; returns the exit code."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    console = Console(highlight=False)
    stop_requested = _stop_signals()
    summary: list[DemoSummary] = []
    arguments = [
        *("--round-interval-s", str(ROUND_INTERVAL_S), "--dwell-s", str(args.dwell_s)),
        *("--env", str(args.env), "--ports", args.ports),
        *(("--run-dir", str(args.run_dir)) if args.run_dir else ()),
    ]
    cloud = CloudProcess(up_command(arguments), console.out)
    showing = asyncio.create_task(_show(args, cloud, console, summary))
    problem = None
    try:
        await asyncio.wait({showing, stop_requested}, return_when=asyncio.FIRST_COMPLETED)
        if showing.done():
            showing.result()
        else:
            console.out("stopping")
    except DemoError as error:
        problem = str(error)
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        await asyncio.to_thread(cloud.stop)
    if problem is not None:
        print(f"demo FAILED: {problem}", file=sys.stderr, flush=True)
        return EXIT_FAILED
    if not summary:
        console.out("stopped before the first truck drove")
        return EXIT_INTERRUPTED
    console.out(str(summary[-1]))
    return EXIT_OK if summary[-1].ok else EXIT_FAILED


async def _show(
    args: argparse.Namespace, cloud: CloudProcess, console: Console, summary: list[DemoSummary]
) -> None:
    """Runs the demo when the local cloud is ready, and appends its summary."""
    await asyncio.to_thread(cloud.wait_until_ready)
    environment = read_environment(args.env)
    options = DemoOptions(trucks=args.trucks, dwell_s=args.dwell_s, seconds=args.seconds)
    async with aiohttp.ClientSession() as session:
        system = System(
            environment=environment,
            session=session,
            tokens=TokenClient.of(environment),
            now_ms=wall_clock.now_ms,
        )
        demo = Demo(system, options)
        footer = where_to_look(environment, str(args.env))
        draw = _draw_table if console.is_terminal else _print_lines
        try:
            await run_with_background(demo.run(), _failure(cloud), draw(console, demo, footer))
        finally:
            if demo.started.is_set():
                summary.append(demo.summary())


async def _failure(cloud: CloudProcess) -> None:
    raise CloudFailedError(await asyncio.to_thread(cloud.wait))


async def _draw_table(console: Console, demo: Demo, footer: list[str]) -> None:
    started = time.monotonic()
    with Live(console=console, auto_refresh=False) as live:
        while True:
            title = f"RTDTS, {time.monotonic() - started:.0f} s: {demo.doing}"
            pages = page_lines(demo.links, demo.console)
            live.update(table_of(demo.rows(), [*pages, *footer], title), refresh=True)
            await asyncio.sleep(REDRAW_S)


async def _print_lines(console: Console, demo: Demo, footer: list[str]) -> None:
    console.out(demo.doing)
    await demo.started.wait()
    await demo.shared.wait()
    for line in [*page_lines(demo.links, demo.console), *footer]:
        console.out(line)
    links = demo.links
    while True:
        if demo.links != links:
            links = demo.links
            for line in page_lines(links, demo.console):
                console.out(line)
        for row in demo.rows():
            console.out(line_of(row))
        await asyncio.sleep(LINES_EVERY_S)


def _stop_signals() -> asyncio.Future[None]:
    """Completes at Ctrl-C or SIGTERM. Later signals have no effect: shutdown has a time limit."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def report() -> None:
        if not stop.done():
            stop.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, report)
    return stop
