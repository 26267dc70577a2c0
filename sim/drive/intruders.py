"""Those who try to see what is not theirs: each attempt must be refused.

Two with sound tokens (a customer who asks for the other customers' deliveries, and a stranger
who asks for all), and two who should not even get a socket: one with a token that is not valid,
one with a truck's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.drive.crew import System
from sim.drive.customer_log import CustomerLog
from sim.drive.together import together
from sim.viewers.connection import ConnectionLostError, HandshakeRejectedError, socket_opener
from sim.viewers.viewer import Viewer

POLL_EVERY_S = 15.0
"""An intruder asks during the whole drive, not only before anything moves."""


@dataclass
class Intruder:
    """Somebody who asks for deliveries of others.

    Attributes:
        identity: The customer that it is.
        wanted: The deliveries of others that it asks for.
        log: What came over the socket.
    """

    identity: str
    watched: Sequence[str]
    log: CustomerLog
    viewer: Viewer

    @property
    def rejections(self) -> int:
        """How often the service said that there is no such delivery."""
        return sum(self.log.rejected.values())

    @property
    def undetected(self) -> tuple[str, ...]:
        """Deliveries of which it was never told that there is none."""
        return tuple(one for one in self.watched if one not in self.log.rejected)

    async def run(self) -> None:
        """Ask for each delivery, again and again, until cancelled."""
        await together(self.viewer.run(), self._poll())

    async def _poll(self) -> None:
        while True:
            await self.viewer.connected.wait()
            for delivery_id in self.watched:
                await self.viewer.track(delivery_id)
            await asyncio.sleep(POLL_EVERY_S)


@dataclass
class DoorAttempts:
    """Sockets that must not open.

    Attributes:
        refused: Attempts that were refused as they should be.
        opened: Attempts that got a socket, by what they came with.
    """

    rejected: int = 0
    opened: list[str] = field(default_factory=list)


def make_intruder(system: System, identity: str, expected: Sequence[str]) -> Intruder:
    """A customer to whom nothing that it will ask for belongs."""
    log = CustomerLog(identity, own=())
    return Intruder(identity, expected, log, system.viewer("customer", identity, log))


async def try_doors(system: System, truck_id: str) -> DoorAttempts:
    """Try to open sockets with what must not open any.

    Args:
        system: The system under test.
        truck_id: A truck whose (valid) token is tried.

    Raises:
        ConnectionLostError: The service did not answer at all, again and again.
    """
    opener = socket_opener(system.environment.websocket_url)
    token = await system.identity("truck", truck_id)()
    head, _, signature = token.rpartition(".")
    keys = {
        "no token worth the name": "not-a-token",
        "a forged signature": f"{head}.{signature[::-1]}",
        "a truck's token": token,
    }
    attempts = DoorAttempts()
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
