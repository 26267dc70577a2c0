"""From a body to the result of each of its points, over a stream in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from rtdts.ingest.intake import IngestResult, Intake, Putter
from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.putter import PutOutcome, StreamPutter
from rtdts.tracking.point_fields import Reason
from rtdts.tracking.stamping import Adjustment
from rtdts.tracking.stream_codec import decode_point
from rtdts.tracking.telemetry import (
    MAX_POINTS,
    ForeignTruckError,
    Rejection,
    TooManyPointsError,
    UnreadableBodyError,
)
from tests.fakes.fake_stream import THROTTLED, FailSome, FakeStream
from tests.support.telemetry_points import telemetry_point

NOW_MS = 1_795_503_168_120
HOUR_MS = 3_600_000


def point(age_ms: int = 0, **fields: Any) -> dict[str, Any]:
    return telemetry_point(NOW_MS - age_ms, **fields)


def ingest(
    putter: Putter,
    *points: dict[str, Any],
    body: bytes | None = None,
    truck_id: str = "T-0012",
    source: Literal["http", "mqtt"] = "mqtt",
) -> IngestResult:
    return Intake(putter, first_generation_zone=ZoneInfo("Asia/Seoul")).ingest(
        json.dumps({"positions": points}).encode() if body is None else body,
        truck_id=truck_id,
        received_at_ms=NOW_MS,
        source=source,
        deadline=Deadline(0),
    )


def into(stream: FakeStream) -> StreamPutter:
    return StreamPutter(stream, "points")


@pytest.mark.parametrize("source", ["http", "mqtt"])
def test_an_accepted_point_is_in_the_stream_with_its_source_and_receipt(
    source: Literal["http", "mqtt"],
) -> None:
    stream = FakeStream()

    result = ingest(into(stream), point(seq=7), source=source)
    (stored,) = [decode_point(record.data) for record in stream.user_records]

    assert result.accepted == 1
    assert [stored] == result.points
    assert (stored.seq, stored.received_at_ms, stored.source) == (7, NOW_MS, source)


def test_each_point_has_its_own_result() -> None:
    stream = FakeStream()

    result = ingest(
        into(stream),
        point(8 * 24 * HOUR_MS),
        point(25 * HOUR_MS),
        point(lat=91),
        point(-HOUR_MS),
        point(10_000 - HOUR_MS),
    )

    assert result.accepted == len(stream.user_records) == 3
    assert result.rejected == [
        Rejection(0, "recorded_at", Reason.TOO_OLD),
        Rejection(2, "lat", Reason.OUT_OF_RANGE),
    ]
    assert result.adjusted == [Adjustment(3, -HOUR_MS), Adjustment(4, -HOUR_MS)]
    assert result.failed == []


def test_nothing_is_put_when_nothing_is_valid() -> None:
    stream = FakeStream()

    result = ingest(into(stream), point(lat=91), point(999 * HOUR_MS))

    assert (result.accepted, result.points, result.failed) == (0, [], [])
    assert [each.index for each in result.rejected] == [0, 1]
    assert not stream.calls


def test_a_full_body_is_one_record() -> None:
    stream = FakeStream()

    result = ingest(into(stream), *(point(seq=n) for n in range(MAX_POINTS)))

    assert result.accepted == len(stream.user_records) == MAX_POINTS
    assert len(stream.records) == 1


def test_the_first_generations_times_are_in_the_given_zone() -> None:
    sent = {"truckId": 5, "timestamp": 20261124155248, "lon": 129.1329985, "lat": 35.1705505}

    result = ingest(into(FakeStream()), body=json.dumps(sent).encode(), truck_id="5")

    assert [each.recorded_at_ms for each in result.points] == [NOW_MS - 120]


@pytest.mark.parametrize(
    ("points", "error"),
    [
        ([point(), point(truck_id="T-0013")], ForeignTruckError),
        ([point()] * (MAX_POINTS + 1), TooManyPointsError),
        ([], UnreadableBodyError),
    ],
)
def test_no_point_of_a_body_is_put_when_it_is_rejected_as_a_whole(
    points: list[dict[str, Any]], error: type[Exception]
) -> None:
    stream = FakeStream()

    with pytest.raises(error):
        ingest(into(stream), *points)
    assert not stream.calls


def test_points_not_accepted_are_reported_by_their_index_in_the_body() -> None:
    stream = FakeStream(then=FailSome([0]))

    result = ingest(into(stream), point(lat=91), point(), point(999 * HOUR_MS), point(-HOUR_MS))

    assert result.accepted == 0
    assert [each.index for each in result.rejected] == [0, 2]
    assert result.failed == [1, 3]
    assert result.adjusted == []
    assert result.outcome.failure == THROTTLED


class HalfAccepted:
    """A `Putter` that accepts all points except those at some indexes."""

    def __init__(self, *failed: int) -> None:
        self._failed = failed

    def put(self, truck_id: str, payloads: Sequence[bytes], deadline: Deadline) -> PutOutcome:
        return PutOutcome(failed=self._failed, attempts=3, failure=THROTTLED)


def test_the_stored_points_of_a_partly_failed_body_are_accepted() -> None:
    batch = [point(lat=91), *(point(-HOUR_MS, seq=n) for n in range(4))]

    result = ingest(HalfAccepted(1, 2), *batch)

    assert result.accepted == 2
    assert result.failed == [2, 3]
    assert [each.index for each in result.rejected] == [0]
    assert [each.index for each in result.adjusted] == [1, 4]


def test_a_body_has_one_trace_step_per_valid_point() -> None:
    accepted = ingest(into(FakeStream()), point(seq=7), point(lat=91), point(seq=9))
    failed = ingest(into(FakeStream(then=FailSome([0]))), point(seq=7))

    assert [(step["step"], step["sub_sequence_number"]) for step in accepted.steps()] == [
        ("accepted", 0),
        ("accepted", 1),
    ]
    assert [(step["step"], step["sequence_number"]) for step in failed.steps()] == [
        ("failed", None)
    ]
