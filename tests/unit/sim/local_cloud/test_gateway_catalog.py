"""The APIs that the local gateway has read."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sim.local_cloud.socket_gateway.catalog import Catalog


async def test_a_known_api_is_returned_while_another_is_still_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session: Any = SimpleNamespace(
        client=lambda *_, **__: None, region_name="", get_credentials=lambda: None
    )
    catalog = Catalog(session, "http://127.0.0.1:9", tmp_path)
    responds, api = threading.Event(), object()

    def read(api_id: str) -> Any:
        return api if api_id == "known" else responds.wait() or None

    monkeypatch.setattr(catalog, "_read_api", read)
    await catalog.api("known")
    reading = asyncio.create_task(catalog.api("invented"))
    await asyncio.sleep(0)  # it has the lock
    try:
        async with asyncio.timeout(60):
            assert await catalog.api("known") is api
    finally:
        responds.set()
    await reading
