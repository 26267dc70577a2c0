"""Runs a service until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from rtdts.runtime.logs import get_logger
from rtdts.runtime.settings import SettingsError


def run_service(component: str, serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    """Runs a service; returns the process's exit code.

    Args:
        component: The service's name in the log.
        serve: Runs the service until the event is set, by SIGTERM or SIGINT.
    """

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
        await serve(stop)

    log = get_logger(component)
    try:
        asyncio.run(until_signalled())
    except SettingsError as error:
        log.error("settings_unusable", problems=error.problems)  # noqa: TRY400 - no trace needed
        return 2
    except Exception as error:
        log.exception(f"{component}_failed", error)
        return 1
    return 0
