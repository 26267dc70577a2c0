"""Changes the fault plan of a running system: one path that upstream doesn't have.

GET /_faults      the fault plan in force, how often each rule matched and was applied
PUT /_faults      a new fault plan: a list of rules, or {"seed": 7, "rules": […]}
DELETE /_faults   no faults
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from aiohttp import web

from sim.fault_shim.deciding import Tallies
from sim.fault_shim.rules import NO_FAULTS, FaultPlan, decode_fault_plan

CONTROL_PATH = "/_faults"


class Controlled(Protocol):
    """The part of the shim that the control endpoint controls."""

    @property
    def fault_plan(self) -> FaultPlan: ...  # noqa: D102

    @property
    def tallies(self) -> Tallies: ...  # noqa: D102

    async def set_fault_plan(self, fault_plan: FaultPlan) -> None: ...  # noqa: D102


async def respond_to_control(shim: Controlled, method: str, body: bytes) -> web.Response:
    """Handles a request to the control path."""
    if method == "PUT":
        try:
            fault_plan = decode_fault_plan(body)
        except msgspec.DecodeError as error:
            return _json(400, {"error": str(error)})
        await shim.set_fault_plan(fault_plan)
    elif method == "DELETE":
        await shim.set_fault_plan(NO_FAULTS)
    elif method != "GET":
        return _json(405, {"error": "GET, PUT or DELETE"})
    return _json(200, {"fault_plan": shim.fault_plan, "tallies": shim.tallies})


def _json(status: int, document: dict[str, Any]) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(document), content_type="application/json"
    )
