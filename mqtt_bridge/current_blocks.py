"""Caches the blocks that a thread read last: a message must never wait for the table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rtdts.tracking.blocks import Blocks


class CurrentBlocks:
    """Keeps the blocks that were read last.

    Args:
        read: Reads the blocks; never raises (see `rtdts.delivery_store.block_list.BlockList`).
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Blocks]],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._read = read
        self._sleep = sleep
        self.current = Blocks()

    async def read(self) -> None:
        """Reads the blocks now."""
        self.current = await self._read()

    async def keep_reading(self, every_s: float) -> None:
        """Reads the blocks periodically, until cancelled."""
        while True:
            await self._sleep(every_s)
            await self.read()
