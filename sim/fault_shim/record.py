"""What the shim did, for tests to look at."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from fnmatch import fnmatchcase

import msgspec

MOST_EXCHANGES = 100_000
"""A chaos run may last for hours; the oldest are forgotten."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what became of it.

    Attributes:
        struck: Names of the rules that struck; empty when it passed unchanged.
        entries: What each entry of the request was about.
        failed: Places of the entries that were made to fail.
        forwarded: Whether upstream was asked, for a part of a batch at least.
        status: What upstream answered; None when it wasn't asked, or gave no answer.
        told: What the client was told; None when its connection was reset instead.
    """

    service: str
    operation: str
    path: str
    struck: tuple[str, ...] = ()
    entries: tuple[tuple[str, ...], ...] = ()
    failed: tuple[int, ...] = ()
    forwarded: bool = False
    status: int | None = None
    told: int | None = None


class Record:
    """The exchanges, oldest first. Each is there before its answer's last byte is sent."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=MOST_EXCHANGES)
        self._changed = asyncio.Event()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All that are remembered."""
        return tuple(self._exchanges)

    def of(self, operation: str) -> list[Exchange]:
        """Those of an operation (a shell pattern)."""
        return [one for one in self._exchanges if fnmatchcase(one.operation, operation)]

    def struck_by(self, rule: str) -> list[Exchange]:
        """Those that a rule struck."""
        return [one for one in self._exchanges if rule in one.struck]

    def add(self, exchange: Exchange) -> None:
        """Remembers one."""
        self._exchanges.append(exchange)
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, holds: Callable[[Record], bool]) -> None:
        """Waits until something holds; bound it with `asyncio.timeout`."""
        while not holds(self):
            await self._changed.wait()
