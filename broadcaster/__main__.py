"""`python -m broadcaster`: runs until SIGTERM or SIGINT, and only then exits with code 0."""

from __future__ import annotations

import asyncio
import os
import sys

from broadcaster.bootstrap import COMPONENT, broadcaster_of
from broadcaster.garbage_collection import collect_less_often
from broadcaster.settings import Settings
from rtdts.runtime.service import run_service
from rtdts.runtime.settings import read_settings


async def _serve(stop: asyncio.Event) -> None:
    settings = read_settings(Settings, os.environ)
    async with broadcaster_of(settings) as broadcaster:
        await broadcaster.run(stop, shutdown_budget_s=settings.shutdown_budget_s)


if __name__ == "__main__":
    collect_less_often()
    sys.exit(run_service(COMPONENT, _serve))
