"""`python -m mqtt_bridge`: runs until SIGTERM or SIGINT, and only then exits with code 0."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from mqtt_bridge.bootstrap import COMPONENT, bridge_of, settings_from
from mqtt_bridge.settings import Settings
from rtdts.runtime.logs import get_logger
from rtdts.runtime.settings import SettingsError


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with bridge_of(settings) as bridge:
        await bridge.run(stop, shutdown_budget_s=settings.shutdown_budget_s)


def main() -> int:
    """Runs the bridge and returns the process's exit code."""
    log = get_logger(COMPONENT)
    try:
        asyncio.run(_run(settings_from(os.environ)))
    except SettingsError as error:
        log.error("settings_unusable", problems=error.problems)  # noqa: TRY400 - no trace of use
        return 2
    except Exception as error:
        log.exception("bridge_failed", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
