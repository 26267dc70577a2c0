"""``python -m sim up``: runs the local cloud with all its parts until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

from sim.commands.options import add_env_option, count, seconds
from sim.environment import console_url
from sim.local_cloud.env_file import EnvironmentInUseError, check_not_in_use
from sim.local_cloud.parts import PartError
from sim.local_cloud.ports import PortInUseError, Ports, check_free, free_ports
from sim.local_cloud.run_dir import AlreadyRunningError, own_run_dir
from sim.setup.machine import available_memory_mb, check_memory
from sim.setup.places import find_places
from sim.setup.problems import SetupError
from sim.setup.steps import Terminal, set_up

DEFAULT_RUN_DIR = Path("sim/run")
READY = "READY"


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "up",
        help="start the local cloud and all parts, without trucks",
        description="Starts the local cloud and all parts, and keeps them running. Writes their "
        "addresses to the environment file. When everything works, prints READY alone on a line "
        "of standard output. SIGTERM or Ctrl-C stops everything within 20 s.",
        epilog="Each part's process id is in DIR/NAME.pid and its output in DIR/NAME.log. A "
        "part that dies is restarted, except while the file DIR/NAME.hold exists.",
    )
    add_env_option(parser, "the file to write the addresses to")
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=DEFAULT_RUN_DIR,
        metavar="DIR",
        help="folder for the parts' process ids, logs and data (default: %(default)s)",
    )
    parser.add_argument(
        "--ports",
        choices=("default", "auto"),
        default="default",
        help="default: 4566 (AWS), 4567 (its sockets), 9200 (OpenSearch), 8099 (identity "
        "provider), 1883 (MQTT), 8090 (pages); auto: any free ports, so that several local "
        "clouds can run side by side",
    )
    parser.add_argument(
        "--round-interval-s",
        type=seconds(at_least=1, at_most=60),
        default=60.0,
        metavar="S",
        help="seconds between rounds, in which every viewer gets an update, 1 to 60 (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--dwell-s",
        type=seconds(),
        default=60.0,
        metavar="S",
        help="seconds that a truck must stay at a place to count as arrived (default: %(default)s)",
    )
    parser.add_argument(
        "--broadcasters",
        type=count,
        default=1,
        metavar="N",
        help="number of broadcasters, which share each round; they are named broadcaster, "
        "broadcaster-2 and so on (default: %(default)s)",
    )
    parser.add_argument(
        "--set",
        type=part_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting from docs/settings.md for all parts that declare it, such as "
        "TRACE_TRUCKS=T-1 (may be repeated)",
    )


def part_setting(text: str) -> tuple[str, str]:
    """An option's type: ``NAME=VALUE``, with the name of a setting that a deployable declares."""
    # Imported late, because these modules import all deployables.
    from deploy.definitions import CONTAINERS
    from deploy.lambdas import DEPLOYED_PACKAGES
    from sim.local_cloud.lambdas import declared_names

    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    lambdas = [package.settings for package in DEPLOYED_PACKAGES]
    modules = [*CONTAINERS.values(), "sim.local_cloud.socket_gateway.settings", *lambdas]
    if not any(name in declared_names(module) for module in modules):
        raise argparse.ArgumentTypeError(
            f"no part has a setting {name}; docs/settings.md lists all"
        )
    return name, value


def run(args: argparse.Namespace) -> int:
    """Runs the local cloud; returns 0 when it was stopped by a signal, 1 after a failure."""
    terminal = Terminal()
    places = find_places()
    try:
        set_up(places, terminal)
        warning = check_memory(available_memory_mb())
        if warning:
            _report(f"warning: {warning}")
        with own_run_dir(args.run_dir, _report) as run_dir:
            ports = free_ports() if args.ports == "auto" else Ports()
            check_free(ports)
            check_not_in_use(args.env)
            return asyncio.run(_run(args, ports, run_dir))
    except (SetupError, AlreadyRunningError, PortInUseError, EnvironmentInUseError) as problem:
        _report(str(problem))
        return 1


async def _run(args: argparse.Namespace, ports: Ports, run_dir: Path) -> int:
    # Imported late, so that `--help` and problems with the machine are reported without delay.
    from sim.local_cloud.applications import Intervals
    from sim.local_cloud.stack import LocalCloud, StackOptions
    from sim.local_cloud.supervisor import Supervisor

    supervisor = Supervisor(run_dir, _report)
    options = StackOptions(
        env_file=args.env,
        ports=ports,
        intervals=Intervals(round_interval_s=args.round_interval_s, dwell_s=args.dwell_s),
        broadcasters=args.broadcasters,
        settings=dict(args.set),
    )
    cloud = LocalCloud(find_places(), options, run_dir, supervisor, _report)
    stop_requested = _stop_signals()
    started = time.monotonic()
    running = asyncio.create_task(_start_and_watch(cloud, supervisor, started))
    try:
        await asyncio.wait((running, stop_requested), return_when=asyncio.FIRST_COMPLETED)
        if stop_requested.done():
            _report(f"{stop_requested.result().name}: stopping")
            return 0
        _report(f"stopping, because {running.result()}")
        return 1
    finally:
        running.cancel()
        await asyncio.wait({running})
        await cloud.stop()
        _report("stopped")


async def _start_and_watch(cloud: Any, supervisor: Any, started: float) -> PartError:
    """Starts the local cloud; returns the failure that ends it."""
    try:
        environment = await cloud.start()
    except PartError as problem:
        return problem
    _report(f"all parts are ready after {time.monotonic() - started:.0f} s")
    _report(f"the dispatcher's console: {console_url(environment.web_url)}")
    print(READY, flush=True)
    failure: PartError = await supervisor.failure()
    return failure


def _stop_signals() -> asyncio.Future[signal.Signals]:
    """Completes at the first stop signal. Later ones have no effect: shutdown has a time limit."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[signal.Signals] = loop.create_future()

    def report(number: signal.Signals) -> None:
        if not stop.done():
            stop.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, report, number)
    return stop


def _report(text: str) -> None:
    print(f"sim up: {text}", file=sys.stderr, flush=True)
