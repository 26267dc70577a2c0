"""Puts a truck's points into the stream; an ingest endpoint only adds its protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Literal, Protocol

import msgspec

from rtdts.ingest.point_steps import point_steps
from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.putter import Batch, PutOutcome
from rtdts.tracking.positions import Point
from rtdts.tracking.stamping import Adjustment, StampedPoints, stamp
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.telemetry import Rejection, decode_body

NOTHING_PUT = PutOutcome(failed=(), attempts=0, failure=None)
"""The outcome for a body in which no point is valid."""


class Putter(Protocol):
    """Puts accepted points: see `rtdts.telemetry_stream.putter.StreamPutter`."""

    def put(self, truck_id: str, payloads: Sequence[bytes], deadline: Deadline) -> PutOutcome:
        """Puts one truck's points; returns which of them failed."""


class IngestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of each point of one body; indexes are positions in the body."""

    truck_id: str
    accepted: int
    """Number of points that are durable in the stream."""
    rejected: Sequence[Rejection]
    """Points that must never be sent again, by index."""
    adjusted: Sequence[Adjustment]
    """Accepted points whose time differs from the device's, by index."""
    failed: Sequence[int]
    """Valid points that are not known to be in the stream: the client must send them again."""
    points: Sequence[Point]
    """The valid points, stamped: those accepted and those that failed."""
    outcome: PutOutcome

    def steps(self) -> Iterator[Mapping[str, Any]]:
        """Yields the fields of one trace line per valid point."""
        return point_steps(self.points, self.outcome)


class ValidatedBody(msgspec.Struct, frozen=True, kw_only=True):
    """One body, decoded, validated and stamped; nothing of it is in the stream yet."""

    truck_id: str
    stamped: StampedPoints
    rejected: Sequence[Rejection]
    """Points that must never be sent again, by index."""
    payloads: Sequence[bytes]
    """The valid points, encoded for the stream."""

    def result(self, outcome: PutOutcome) -> IngestResult:
        """Returns the result of each point.

        Args:
            outcome: The outcome of the put of `payloads`.
        """
        stamped = self.stamped
        failed = [stamped.indexes[place] for place in outcome.failed]
        left_out = set(failed)
        return IngestResult(
            truck_id=self.truck_id,
            accepted=len(stamped.points) - len(failed),
            rejected=self.rejected,
            adjusted=[each for each in stamped.adjusted if each.index not in left_out],
            failed=failed,
            points=stamped.points,
            outcome=outcome,
        )


def validate_body(
    body: bytes,
    *,
    truck_id: str,
    received_at_ms: int,
    source: Literal["http", "mqtt"],
    first_generation_zone: tzinfo,
) -> ValidatedBody:
    """Decodes, validates and stamps the points of one body; puts nothing.

    Args:
        body: The JSON document, unpacked.
        truck_id: The sending truck, as authenticated by the ingest endpoint.
        received_at_ms: When it arrived.
        source: The ingest endpoint.
        first_generation_zone: The zone of first-generation trucks' clocks.

    Raises:
        UnreadableBodyError: It is not JSON, or holds no point.
        TooManyPointsError: It holds too many points.
        ForeignTruckError: A point, valid or not, belongs to another truck.
    """
    decoded = decode_body(body, truck_id=truck_id, first_generation_zone=first_generation_zone)
    stamped = stamp(decoded.sent, received_at_ms=received_at_ms, source=source)
    return ValidatedBody(
        truck_id=truck_id,
        stamped=stamped,
        rejected=sorted(decoded.rejected + stamped.rejected, key=lambda each: each.index),
        payloads=[encode_point(point) for point in stamped.points],
    )


def batch_of(bodies: Sequence[ValidatedBody]) -> Batch:
    """Joins several bodies of one truck into one batch of a put, in their order."""
    return Batch(bodies[0].truck_id, [payload for body in bodies for payload in body.payloads])


def results_of(bodies: Sequence[ValidatedBody], outcome: PutOutcome) -> list[IngestResult]:
    """Returns the result of each of the bodies that were put as one batch."""
    results = []
    start = 0
    for body in bodies:
        part = range(start, start + len(body.payloads))
        start = part.stop
        results.append(body.result(outcome.of(part)))
    return results


class Intake:
    """Processes bodies of telemetry.

    Args:
        first_generation_zone: The zone of first-generation trucks' clocks.
    """

    def __init__(self, putter: Putter, *, first_generation_zone: tzinfo) -> None:
        self._putter = putter
        self._first_generation_zone = first_generation_zone

    def ingest(
        self,
        body: bytes,
        *,
        truck_id: str,
        received_at_ms: int,
        source: Literal["http", "mqtt"],
        deadline: Deadline,
    ) -> IngestResult:
        """Decodes, validates, stamps and puts the points of one body.

        Accepted points are durable when this returns. Nothing is put when no point is valid. Only
        the first attempt to put may begin after the deadline. The other parameters and the errors
        are those of `validate_body`; when it raises, nothing was put.
        """
        validated = validate_body(
            body,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            source=source,
            first_generation_zone=self._first_generation_zone,
        )
        if not validated.payloads:
            return validated.result(NOTHING_PUT)
        return validated.result(self._putter.put(truck_id, validated.payloads, deadline))
