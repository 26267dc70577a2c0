"""The fault shim as a process.

python -m sim.fault_shim --upstream http://127.0.0.1:4566 --port 4570 --rules rules.json
curl -X PUT --data @worse.json http://127.0.0.1:4570/_faults
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sim.fault_shim import control, rules
from sim.fault_shim.shim import FaultShim


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.fault_shim",
        description="A proxy in front of the local AWS or OpenSearch that injects faults by rules.",
        epilog=f"Rules: {rules.__doc__} Control: {control.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--upstream", required=True, metavar="URL", help="the service behind the proxy"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on (default: any free port)"
    )
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", help="rules as JSON (default: no faults)"
    )
    parser.add_argument(
        "--seed", type=int, help="seed of the rules' probabilities (default: the file's)"
    )
    args = parser.parse_args(arguments)
    fault_plan = rules.NO_FAULTS
    if args.rules is not None:
        try:
            fault_plan = rules.decode_fault_plan(args.rules.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            parser.error(f"{args.rules}: {error}")
    seed = fault_plan.seed if args.seed is None else args.seed
    asyncio.run(_serve(FaultShim(args.upstream, fault_plan.rules, seed=seed, port=args.port)))
    return 0


async def _serve(shim: FaultShim) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with shim:
        print(shim.url, flush=True)
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
