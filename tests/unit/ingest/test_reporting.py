from __future__ import annotations

from rtdts.ingest.intake import IngestResult
from rtdts.ingest.reporting import log_fields, metrics_of
from rtdts.telemetry_stream.putter import PutOutcome
from rtdts.tracking.point_fields import Reason
from rtdts.tracking.stamping import Adjustment
from rtdts.tracking.telemetry import Rejection
from tests.support.consumer_world import point

REJECTED = [Rejection(index, "lat", Reason.OUT_OF_RANGE) for index in (1, 4)]
TAKEN_IN_PART = IngestResult(
    truck_id="T-1",
    accepted=2,
    rejected=REJECTED,
    adjusted=[Adjustment(0, -60_000)],
    failed=[3],
    points=[point(20, 0.0), point(0, 0.0), point(10, 0.0)],
    outcome=PutOutcome(failed=(2,), attempts=3, failure="Throttled"),
)
NOTHING_VALID = IngestResult(
    truck_id="T-1",
    accepted=0,
    rejected=REJECTED,
    adjusted=[],
    failed=[],
    points=[],
    outcome=PutOutcome(failed=(), attempts=0, failure=None),
)


def test_every_metric_has_a_value_when_something_was_put() -> None:
    assert metrics_of(TAKEN_IN_PART) == {
        "PointsAccepted": 2,
        "PointsRejected": 2,
        "PointsAdjusted": 1,
        "PointsFailed": 1,
        "StreamAttempts": 3,
    }


def test_only_rejections_are_counted_when_nothing_was_valid() -> None:
    assert metrics_of(NOTHING_VALID) == {"PointsRejected": 2}


def test_the_log_has_a_bodys_truck_and_the_range_of_its_points_times() -> None:
    fields = log_fields(TAKEN_IN_PART)
    times_ms = [each.recorded_at_ms for each in TAKEN_IN_PART.points]

    assert fields["truck_id"] == "T-1"
    assert (fields["recorded_from_ms"], fields["recorded_to_ms"]) == (min(times_ms), max(times_ms))


def test_the_log_has_the_reasons_of_rejected_and_failed_points() -> None:
    fields = log_fields(TAKEN_IN_PART)

    assert (fields["accepted"], fields["failed"], fields["attempts"]) == (2, 1, 3)
    assert fields["reasons"] == {"lat:out_of_range": 2}
    assert fields["failure"] == "Throttled"


def test_the_log_has_no_times_when_nothing_was_valid() -> None:
    assert log_fields(NOTHING_VALID) == {
        "truck_id": "T-1",
        "accepted": 0,
        "rejected": 2,
        "reasons": {"lat:out_of_range": 2},
    }
