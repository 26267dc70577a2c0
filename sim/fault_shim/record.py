"""A record of what the shim did, for tests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from fnmatch import fnmatchcase

import msgspec

MAX_EXCHANGES = 100_000
"""A chaos run may last for hours; the oldest exchanges are dropped."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its outcome.

    Attributes:
        applied_rules: Names of the rules that were applied; empty when it passed unchanged.
        entries: The identifiers in each entry of the request.
        failed: Indexes of the entries that were made to fail.
        forwarded: Whether the request, or a part of its batch, was sent to upstream.
        status: Status code from upstream; None when nothing was forwarded or nothing came back.
        returned: Status code sent to the client; None when its connection was ended instead.
    """

    service: str
    operation: str
    path: str
    applied_rules: tuple[str, ...] = ()
    entries: tuple[tuple[str, ...], ...] = ()
    failed: tuple[int, ...] = ()
    forwarded: bool = False
    status: int | None = None
    returned: int | None = None


class Record:
    """The exchanges, oldest first. Each is added before the last byte of its response is sent."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=MAX_EXCHANGES)
        self._changed = asyncio.Event()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges that are kept."""
        return tuple(self._exchanges)

    def of(self, operation: str) -> list[Exchange]:
        """The exchanges of an operation (a shell pattern)."""
        return [one for one in self._exchanges if fnmatchcase(one.operation, operation)]

    def affected_by(self, rule: str) -> list[Exchange]:
        """The exchanges to which a rule was applied."""
        return [one for one in self._exchanges if rule in one.applied_rules]

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        self._exchanges.append(exchange)
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, holds: Callable[[Record], bool]) -> None:
        """Waits until a condition holds; bound the wait with `asyncio.timeout`."""
        while not holds(self):
            await self._changed.wait()
