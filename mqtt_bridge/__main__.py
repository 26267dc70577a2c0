"""`python -m mqtt_bridge`: runs until SIGTERM or SIGINT, and only then exits with code 0."""

from __future__ import annotations

import asyncio
import os
import sys

from mqtt_bridge.bootstrap import COMPONENT, bridge_of
from mqtt_bridge.settings import Settings
from rtdts.runtime.service import run_service
from rtdts.runtime.settings import read_settings


async def _serve(stop: asyncio.Event) -> None:
    settings = read_settings(Settings, os.environ)
    async with bridge_of(settings) as bridge:
        await bridge.run(stop, shutdown_budget_s=settings.shutdown_budget_s)


if __name__ == "__main__":
    sys.exit(run_service(COMPONENT, _serve))
