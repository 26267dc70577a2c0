"""The messages that a viewer of the sim reports."""

from __future__ import annotations

import asyncio

from sim.viewers.receiver import Received


class Reception:
    """The messages that a viewer reported, and a way to wait for them."""

    def __init__(self) -> None:
        self.messages: list[Received] = []
        self._received = asyncio.Event()

    def __call__(self, received: Received) -> None:
        self.messages.append(received)
        self._received.set()

    async def until(self, count: int) -> None:
        while len(self.messages) < count:
            self._received.clear()
            await self._received.wait()
