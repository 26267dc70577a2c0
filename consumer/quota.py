"""Blocks trucks over their quota: only a shard's consumer sees all that a truck sends.

The ingest endpoints share no counter: a write per request would cost as much as the request.
Each container counts the requests that it sees itself, which stops the worst excess at once. What a
truck sends through many containers is counted here, and the truck is blocked for as long as it has
overdrawn its quota.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from consumer.arrivals import Arrival
from consumer.ports import BlockPort
from rtdts.ingest.quota import TruckQuota
from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Block, BlockKind, identity_subject
from rtdts.tracking.positions import Point
from rtdts.tracking.roles import TRUCK

BLOCK_FROM_MS: Final = 10_000
"""Shorter blocks would end before every endpoint has read them; the endpoints' own counts suffice
for those."""
MAX_PER_BATCH: Final = 10
"""Writes that a batch waits for; a truck still over its quota is blocked after the next batch."""
PAUSE_MS: Final = 30_000
"""The pause after a failed write: otherwise each batch would wait for the same table."""
_FRESH_MS: Final = 60_000
"""A record that arrived later than this after its receipt is an operator's replay."""


class QuotaEnforcer:
    """Counts what each truck of a shard sends, by when it arrived in the stream.

    A block improves fairness and must never delay the positions: one that can't be written is
    skipped.

    Args:
        quota: The count, empty at the start: a new worker knows of no earlier excess.
    """

    def __init__(
        self,
        quota: TruckQuota,
        blocks: BlockPort,
        *,
        log: Logger,
        now_ms: Callable[[], int],
    ) -> None:
        self._quota = quota
        self._blocks = blocks
        self._log = log
        self._now_ms = now_ms
        self._again_at_ms = 0
        self._until_ms: dict[str, int] = {}

    def count(self, by_truck: Mapping[str, Sequence[Arrival]]) -> None:
        """Counts a batch, and blocks the trucks that are over their quota."""
        now_ms = self._now_ms()
        over = {
            truck_id: until_ms
            for truck_id, arrivals in by_truck.items()
            if (until_ms := self._until(truck_id, arrivals)) > now_ms
        }
        if not over or now_ms < self._again_at_ms:
            return
        self._until_ms = {one: at_ms for one, at_ms in self._until_ms.items() if at_ms > now_ms}
        blocked_until_ms = self._until_ms
        newly_blocked = [
            one for one in over if over[one] >= blocked_until_ms.get(one, 0) + BLOCK_FROM_MS
        ]
        try:
            for truck_id in newly_blocked[:MAX_PER_BATCH]:
                self._block(truck_id, over[truck_id], now_ms)
        except (BotoCoreError, ClientError) as error:
            self._again_at_ms = now_ms + PAUSE_MS
            self._log.exception("truck_not_blocked", error, pause_s=PAUSE_MS / 1_000)

    def _until(self, truck_id: str, arrivals: Sequence[Arrival]) -> int:
        """Returns until when the truck must be blocked; 0 if it need not be."""
        arrived_at_ms = 0
        for _, group in itertools.groupby(arrivals, key=lambda one: one.record.sequence_number):
            of_request = list(group)
            arrived_at_ms = of_request[0].record.arrived_at_ms
            if arrived_at_ms - of_request[0].point.received_at_ms <= _FRESH_MS:
                self._quota.spend(
                    truck_id,
                    requests=_requests(of_request[0].point),
                    points=len(of_request),
                    now_ms=arrived_at_ms,
                )
        wait_ms = self._quota.wait_ms(truck_id, arrived_at_ms)
        return arrived_at_ms + round(wait_ms) if wait_ms >= BLOCK_FROM_MS else 0

    def _block(self, truck_id: str, until_ms: int, now_ms: int) -> None:
        block = Block(
            subject=identity_subject(TRUCK, truck_id),
            kind=BlockKind.OVER_QUOTA,
            until_ms=until_ms,
            reason="more requests or points than the quota",
            blocked_at_ms=now_ms,
        )
        self._blocks.block(block)
        self._until_ms[truck_id] = until_ms
        self._log.warning("truck_blocked", truck_id=truck_id, for_ms=until_ms - now_ms)


def _requests(point: Point) -> int:
    """Returns how many requests a point's record counts as.

    0 for messages over MQTT: a truck that was out of reach sends its backlog with one message per
    point, and the ingest endpoint decides how many of them share a record.
    """
    return 1 if point.source == "http" else 0
