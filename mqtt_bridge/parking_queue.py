"""Parks messages: writes one object at a time for each truck.

A truck may send unusable messages without end. If each took a write of its own, its messages would
fill the window of unacknowledged messages that all trucks share (`RECEIVE_MAXIMUM`), and every
other truck's would wait behind them. So a truck's messages that arrive while one of its objects is
written share the next object.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from rtdts.runtime.logs import Logger
from rtdts.telemetry_stream.parking import UnusableMessage

PARKINGS_AT_ONCE: Final = 4
MAX_OBJECT_BYTES: Final = 4_194_304
"""Maximum total size of the messages that share an object."""

Park = Callable[[str | None, Sequence[UnusableMessage]], Awaitable[None]]
"""Parks a truck's messages as one object. Raises when the bucket did not store it."""


@dataclasses.dataclass
class _Object:
    messages: list[UnusableMessage] = dataclasses.field(default_factory=list)
    bytes: int = 0
    storing: asyncio.Task[None] | None = None

    def fits(self, message: UnusableMessage) -> bool:
        return self.bytes + len(message.payload) <= MAX_OBJECT_BYTES

    def add(self, message: UnusableMessage) -> None:
        self.messages.append(message)
        self.bytes += len(message.payload)


class ParkingQueue:
    """Parks messages until the bucket has them.

    Args:
        park: Parks some messages, once.
        waits_s: Makes the waits between attempts.
    """

    def __init__(self, park: Park, *, waits_s: Callable[[], Iterator[float]], log: Logger) -> None:
        self._park = park
        self._waits_s = waits_s
        self._log = log
        self._slots = asyncio.Semaphore(PARKINGS_AT_ONCE)
        self._waiting: dict[str | None, _Object] = {}
        """For each truck, the object whose write has not begun."""
        self._last: dict[str | None, _Object] = {}
        """For each truck, the object that is written last."""

    async def park(self, truck_id: str | None, message: UnusableMessage) -> None:
        """Returns when the message is parked; retried for as long as it takes.

        Args:
            truck_id: The truck; None when it is not known. Such messages share no object, so that
                an erasure finds the trucks that they name, and wait only for a free slot.
            message: The message.
        """
        waiting = self._waiting.get(truck_id)
        if waiting is None or truck_id is None or not waiting.fits(message):
            waiting = self._begin(truck_id)
        waiting.add(message)
        assert waiting.storing is not None  # noqa: S101 - for the type checker: it has begun
        await waiting.storing

    def _begin(self, truck_id: str | None) -> _Object:
        before = None if truck_id is None else self._last.get(truck_id)
        one = _Object()
        one.storing = asyncio.create_task(
            self._store(truck_id, one, before.storing if before else None)
        )
        self._waiting[truck_id] = self._last[truck_id] = one
        return one

    async def _store(
        self, truck_id: str | None, one: _Object, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait((before,))
        waits_s = self._waits_s()
        try:
            for attempt in itertools.count(1):
                async with self._slots:
                    if self._waiting.get(truck_id) is one:
                        del self._waiting[truck_id]
                    try:
                        await self._park(truck_id, one.messages)
                    except Exception as error:
                        self._log.warning("not_parked", attempt=attempt, error=repr(error))
                    else:
                        return
                await asyncio.sleep(next(waits_s))
        finally:
            if self._last.get(truck_id) is one:
                del self._last[truck_id]
