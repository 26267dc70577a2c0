"""Intruders that try to view deliveries without a right to them: each attempt must be denied.

Two of them have valid tokens: a customer that requests the other customers' deliveries, and a
stranger that requests all. Two must not even get a socket: one has an invalid token, the other
a truck's token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.drive.background import run_with_background
from sim.drive.customer_log import CustomerLog
from sim.drive.simulated_truck import System
from sim.viewers.connection import ConnectionLostError, HandshakeRejectedError, socket_opener
from sim.viewers.viewer import Viewer

POLL_EVERY_S = 15.0
"""Interval of an intruder's requests: it tries during the whole drive, not only at the start."""


@dataclass
class Intruder:
    """A viewer that requests deliveries of others.

    Attributes:
        identity: Its customer id.
        watched: The deliveries of others that it requests.
        log: The messages received on its socket.
    """

    identity: str
    watched: Sequence[str]
    log: CustomerLog
    viewer: Viewer

    @property
    def rejections(self) -> int:
        """How often the service responded that there is no such delivery."""
        return sum(self.log.rejected.values())

    @property
    def undetected(self) -> tuple[str, ...]:
        """Deliveries for which the service never responded that there is no such delivery."""
        return tuple(one for one in self.watched if one not in self.log.rejected)

    async def run(self) -> None:
        """Request each delivery repeatedly until cancelled."""
        await run_with_background(self.viewer.run(), self._poll())

    async def _poll(self) -> None:
        while True:
            await self.viewer.connected.wait()
            for delivery_id in self.watched:
                await self.viewer.track(delivery_id)
            await asyncio.sleep(POLL_EVERY_S)


@dataclass
class HandshakeAttempts:
    """The attempts to open sockets that must not open.

    Attributes:
        rejected: How many attempts were rejected, as they should be.
        opened: The credentials of the attempts that got a socket.
    """

    rejected: int = 0
    opened: list[str] = field(default_factory=list)


def make_intruder(system: System, identity: str, expected: Sequence[str]) -> Intruder:
    """A viewer with no right to any of the deliveries that it will request."""
    log = CustomerLog(identity, own=())
    return Intruder(identity, expected, log, system.viewer("customer", identity, log))


async def try_handshakes(system: System, truck_id: str) -> HandshakeAttempts:
    """Try to open sockets with credentials that must not open any.

    Args:
        system: The system under test.
        truck_id: A truck whose (valid) token is tried.

    Raises:
        ConnectionLostError: The service did not respond at all, despite retries.
    """
    opener = socket_opener(system.environment.websocket_url)
    token = await system.identity("truck", truck_id)()
    head, _, signature = token.rpartition(".")
    keys = {
        "an invalid token": "not-a-token",
        "a forged signature": f"{head}.{signature[::-1]}",
        "a truck's token": token,
    }
    attempts = HandshakeAttempts()
    for name, key in keys.items():
        for last in (False, False, True):
            try:
                connection = await opener(key)
            except HandshakeRejectedError:
                attempts.rejected += 1
                break
            except ConnectionLostError:
                if last:
                    raise
                await system.sleep(1.0)
            else:
                await connection.close()
                attempts.opened.append(name)
                break
    return attempts
