"""Puts points into the stream again, as ingest puts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from operations.rate_limiter import RateLimiter
from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.tracking.positions import Point

PUT_BUDGET_S = 60.0
"""How long one truck's points are retried: a throttled stream has capacity within seconds."""


class ReplayRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that goes back into the stream."""

    name: str
    """The object that it comes from."""
    point: Point
    data: bytes


class StreamReplayer:
    """Puts records into the stream.

    Args:
        putter: The stream.
        rate_limiter: Limits the rate.
        deadline: Creates the deadline of one truck's put.
    """

    def __init__(
        self,
        putter: StreamPutter,
        rate_limiter: RateLimiter,
        *,
        deadline: Callable[[], Deadline] = lambda: Deadline(PUT_BUDGET_S),
    ) -> None:
        self._putter = putter
        self._rate_limiter = rate_limiter
        self._deadline = deadline

    def put(self, records: Sequence[ReplayRecord]) -> tuple[list[ReplayRecord], str | None]:
        """Puts the records, each truck's together and by the time of its points.

        Returns:
            The records that the stream did not accept, and the code of the last failure.
        """
        by_truck: dict[str, list[ReplayRecord]] = {}
        for record in records:
            by_truck.setdefault(record.point.truck_id, []).append(record)
        left: list[ReplayRecord] = []
        failure: str | None = None
        for truck_id, of_truck in by_truck.items():
            of_truck.sort(key=lambda record: record.point.event_at_ms)
            self._rate_limiter.wait_for(len(of_truck))
            outcome = self._putter.put(
                truck_id, [record.data for record in of_truck], self._deadline()
            )
            left += [of_truck[index] for index in outcome.failed]
            failure = outcome.failure if outcome.failed else failure
        return left, failure
