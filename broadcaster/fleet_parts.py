"""Which views of the fleet this broadcaster serves: all, or the parts that it holds leases for."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Final, Protocol

from broadcaster.threads import Threads
from rtdts.delivery_store.fleet_leases import Lease
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.tracking.fleet_view import part_of

PARTS: Final = 16
"""The number of parts that the views are divided into: several for each of a few broadcasters."""

LEASE_S: Final = 10.0
"""The longest lease. After a broadcaster has died, its views wait for at most this long and one
second more."""

_SHORTEST: Final = 0.5
"""The shortest lease, as a share of the longest. With equal lengths, the broadcaster that was first
once would always be first."""

_MARGIN_MS: Final = 500
"""A lease is not used for this long before its end, because clocks differ and work may be in
progress."""


class LeasePort(Protocol):
    """See `rtdts.delivery_store.fleet_leases.FleetLeaseStore`."""

    def acquire(self, part: int, *, now_ms: int, until_ms: int) -> Lease:
        """Acquires a part if it is free; returns the lease in force, ours or another's."""

    def release(self, part: int) -> None:
        """Ends this broadcaster's lease of a part."""


class FleetParts(Protocol):
    """Decides which queries (of views) this broadcaster serves."""

    async def acquire(self, query_keys: Collection[bytes], /) -> frozenset[bytes]:
        """The subset of the queries that this broadcaster serves now."""

    async def release(self) -> None:
        """Releases all parts."""


class AllParts:
    """The only broadcaster: it serves all queries."""

    async def acquire(self, query_keys: Collection[bytes], /) -> frozenset[bytes]:
        """All of them."""
        return frozenset(query_keys)

    async def release(self) -> None:
        """Does nothing: there are no leases."""


class LeasedParts:
    """One of several broadcasters: each serves the parts that it holds leases for.

    A part without a query is not leased: a fleet without followers costs nothing.

    Args:
        log: Logs leases that could not be acquired or released.
        uniform: Source of the random lengths of leases.
    """

    def __init__(
        self,
        leases: LeasePort,
        threads: Threads,
        *,
        log: Logger,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._leases = leases
        self._threads = threads
        self._log = log
        self._now_ms = now_ms
        self._uniform = uniform
        self._known_leases: dict[int, Lease] = {}

    async def acquire(self, query_keys: Collection[bytes], /) -> frozenset[bytes]:
        """Acquires the free parts among those of the queries; returns those it serves."""
        parts = {query_key: part_of(query_key, PARTS) for query_key in query_keys}
        ours = {part for part in sorted({*parts.values()}) if await self._is_ours(part)}
        return frozenset(query_key for query_key, part in parts.items() if part in ours)

    async def release(self) -> None:
        """Ends its leases, so that another broadcaster need not wait until they expire."""
        mine = [part for part, lease in self._known_leases.items() if lease.is_mine]
        self._known_leases.clear()
        for part in mine:
            try:
                await self._threads.run(self._leases.release, part)
            except Exception as error:  # the lease expires anyway
                self._log.exception("fleet_lease_not_released", error, part=part)

    async def _is_ours(self, part: int) -> bool:
        now_ms = self._now_ms()
        known = self._known_leases.get(part)
        if known is not None and now_ms <= known.until_ms:
            return known.is_mine and now_ms < known.until_ms - _MARGIN_MS
        length_s = self._uniform(LEASE_S * _SHORTEST, LEASE_S)
        until_ms = now_ms + round(length_s * 1000)
        try:
            lease = await self._threads.run(
                self._leases.acquire, part, now_ms=now_ms, until_ms=until_ms
            )
        except Exception as error:  # without a lease no snapshot; the next tick tries again
            self._log.exception("fleet_lease_not_acquired", error, part=part)
            return False
        self._known_leases[part] = lease
        return lease.is_mine
