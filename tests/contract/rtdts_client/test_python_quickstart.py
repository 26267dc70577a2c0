"""The quickstart of docs/python-client.md, unchanged, against a local service."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from rtdts_client import Report
from tests.support.source_tree import ROOT

AT = "2026-11-24T07:11:00.050Z"
EVENT = {"version": 1, "status": "in_transit", "effective_at": AT, "cause": "declared"}
SNAPSHOT = {
    "v": 1,
    "type": "snapshot",
    "sent_at": AT,
    "delivery_id": "D-1",
    "status": "in_transit",
    "version": 1,
    "assignment": 1,
    "events": [EVENT],
    "position": None,
    "position_at": None,
    "distance_remaining_m": None,
    "eta": None,
    "track": [],
}
ENDED = {"type": "ended", "sent_at": AT, "delivery_id": "D-1", "reason": "viewing_over"}


async def ticket(request: web.Request) -> web.Response:
    assert await request.json() == {"token": "D-1~x"}
    delivery = {"delivery_id": "D-1", "status": "assigned"}
    return web.json_response({"ticket": "t-1", "delivery": delivery}, status=201)


async def live(request: web.Request) -> web.WebSocketResponse:
    assert request.query["ticket"] == "t-1"
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    requested: dict[str, Any] = await socket.receive_json()
    assert (requested["action"], requested["delivery_id"]) == ("track", "D-1")
    for message in (SNAPSHOT, ENDED):
        await socket.send_json(message)
    assert (await socket.receive()).type == WSMsgType.CLOSE  # the client closes the socket
    return socket


@pytest.fixture
async def service() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/shares/tickets", ticket)
    app.router.add_get("/live", live)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_the_quickstart_follows_a_delivery_to_its_end(service: str, tmp_path: Path) -> None:
    page = (ROOT / "docs/python-client.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    program = tmp_path / "quickstart.py"
    program.write_text(code, encoding="utf-8")

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, program, f"http://{service}", f"ws://{service}/live", "D-1~x"),
        env={**os.environ, "PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()

    assert (process.returncode, errors.decode()) == (0, "")
    lines = out.decode().splitlines()
    assert lines[0].startswith("assigned None None connecting")
    assert f"new: in_transit since {AT}" in lines
    assert lines[-1] == "ended: viewing_over"
    assert len(code.splitlines()) <= 25


def test_the_documented_fields_are_those_of_a_report() -> None:
    page = (ROOT / "docs/python-client.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)

    assert set(listed) == {field.name for field in fields(Report)}
