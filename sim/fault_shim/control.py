"""Changing the weather under a running system: one path that upstream doesn't have.

GET /_faults      the weather in force, how often each rule matched and struck
PUT /_faults      a new weather: a list of rules, or {"seed": 7, "rules": […]}
DELETE /_faults   fair weather
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from aiohttp import web

from sim.fault_shim.deciding import Tallies
from sim.fault_shim.rules import FAIR, Weather, decode_weather

CONTROL_PATH = "/_faults"


class Controlled(Protocol):
    """The part of the shim that the control endpoint controls."""

    @property
    def weather(self) -> Weather: ...  # noqa: D102

    @property
    def tallies(self) -> Tallies: ...  # noqa: D102

    async def set_weather(self, weather: Weather) -> None: ...  # noqa: D102


async def respond_to_control(shim: Controlled, method: str, body: bytes) -> web.Response:
    """Handles a request to the control path."""
    if method == "PUT":
        try:
            weather = decode_weather(body)
        except msgspec.DecodeError as error:
            return _json(400, {"error": str(error)})
        await shim.set_weather(weather)
    elif method == "DELETE":
        await shim.set_weather(FAIR)
    elif method != "GET":
        return _json(405, {"error": "GET, PUT or DELETE"})
    return _json(200, {"weather": shim.weather, "tallies": shim.tallies})


def _json(status: int, document: dict[str, Any]) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(document), content_type="application/json"
    )
