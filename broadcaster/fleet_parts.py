"""Which of the fleet's views this broadcaster serves: all, or the parts that it holds leases of."""

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
"""Into which the views are divided: several for each of a few broadcasters."""

LEASE_S: Final = 10.0
"""How long the views of a broadcaster that died wait at the most, and one second more."""

_SHORTEST: Final = 0.5
"""Of a lease, as a share of the longest: were they alike, who came first once always would."""

_MARGIN_MS: Final = 500
"""For clocks that differ, and for what is under way: so long before its end a lease is not used."""


class LeasePort(Protocol):
    """See `rtdts.delivery_store.fleet_leases.FleetLeaseStore`."""

    def take(self, part: int, *, now_ms: int, until_ms: int) -> Lease:
        """Takes a part that nobody holds, or says until when it is held."""

    def give_back(self, part: int) -> None:
        """Ends a lease of its own."""


class FleetParts(Protocol):
    """Says which questions are this broadcaster's."""

    async def mine(self, questions: Collection[bytes], /) -> frozenset[bytes]:
        """Those of the questions that it serves now."""

    async def give_back(self) -> None:
        """Serves none any more."""


class AllParts:
    """One broadcaster alone serves all."""

    async def mine(self, questions: Collection[bytes], /) -> frozenset[bytes]:
        """All of them."""
        return frozenset(questions)

    async def give_back(self) -> None:
        """Nothing is held."""


class LeasedParts:
    """Several broadcasters: each serves the parts that it holds.

    A part without a question is not leased: a fleet that is not looked at costs nothing.

    Args:
        leases: Where they are taken.
        threads: Where the store may block.
        log: Told of leases that could not be taken.
        now_ms: Wall clock.
        uniform: Source of the leases' lengths.
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

    async def mine(self, questions: Collection[bytes], /) -> frozenset[bytes]:
        """Those whose parts it holds, having taken what was free."""
        parts = {question: part_of(question, PARTS) for question in questions}
        held = {part for part in sorted({*parts.values()}) if await self._holds(part)}
        return frozenset(question for question, part in parts.items() if part in held)

    async def give_back(self) -> None:
        """Ends its leases, so that another need not wait for their ends."""
        mine = [part for part, lease in self._known_leases.items() if lease.is_mine]
        self._known_leases.clear()
        for part in mine:
            try:
                await self._threads.run(self._leases.give_back, part)
            except Exception as error:  # it ends by itself
                self._log.exception("fleet_lease_kept", error, part=part)

    async def _holds(self, part: int) -> bool:
        now_ms = self._now_ms()
        known = self._known_leases.get(part)
        if known is not None and now_ms <= known.until_ms:
            return known.is_mine and now_ms < known.until_ms - _MARGIN_MS
        length_s = self._uniform(LEASE_S * _SHORTEST, LEASE_S)
        until_ms = now_ms + round(length_s * 1000)
        try:
            lease = await self._threads.run(
                self._leases.take, part, now_ms=now_ms, until_ms=until_ms
            )
        except Exception as error:  # without a lease no picture; the next tick tries again
            self._log.exception("fleet_lease_not_taken", error, part=part)
            return False
        self._known_leases[part] = lease
        return lease.is_mine
