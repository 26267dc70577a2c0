from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.putter import (
    MAX_CALL_BYTES,
    MAX_CALL_RECORDS,
    OUT_OF_TIME,
    UNREADABLE_RESPONSE,
    AcceptedRecord,
    Batch,
    PutOutcome,
    StreamPutter,
)
from sim.local_cloud.deaggregation import deaggregate
from tests.fakes.fake_stream import (
    THROTTLED,
    FailSome,
    FakeStream,
    LoseResponse,
    Trouble,
    rejected,
)

POINTS = [b"point-%d" % number for number in range(5)]
# Fits two of the points above, not three.
TWO_PER_RECORD = 76


class Clock:
    """Monotonic time that advances only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, wait_s: float) -> None:
        self.now_s += wait_s


def every_second() -> Iterator[float]:
    while True:
        yield 1.0


class Put:
    """A putter over a fake stream, with a clock of its own."""

    def __init__(
        self,
        *troubles: Trouble,
        then: Trouble = None,
        max_record_bytes: int = 1_048_576,
        budget_s: float = 10.0,
    ) -> None:
        self.stream = FakeStream(troubles, then=then)
        self.clock = Clock()
        self.putter = StreamPutter(
            self.stream,
            "points",
            max_record_bytes=max_record_bytes,
            sleep=self.clock.sleep,
            waits_s=every_second,
        )
        self.deadline = Deadline(budget_s, clock=lambda: self.clock.now_s)
        self.outcome = self.putter.put("T-1", POINTS, self.deadline)

    @property
    def accepted(self) -> list[bytes]:
        return [record.data for record in self.stream.user_records]


def test_a_request_is_one_record_with_the_truck_as_its_key() -> None:
    put = Put()
    (record,) = put.stream.records

    assert record.partition_key == "T-1"
    assert [(each.partition_key, each.data) for each in deaggregate(record.data, "?")] == [
        ("T-1", point) for point in POINTS
    ]
    assert (put.outcome.failed, put.outcome.attempts, put.outcome.failure) == ((), 1, None)


def test_no_call_is_made_when_there_is_nothing_to_put() -> None:
    stream = FakeStream()
    outcome = StreamPutter(stream, "points").put("T-1", [], Deadline(1.0))

    assert not stream.calls
    assert outcome.failed == ()


def test_points_beyond_one_record_are_split_in_order() -> None:
    put = Put(max_record_bytes=TWO_PER_RECORD)

    assert len(put.stream.records) == 3
    assert put.accepted == POINTS
    assert all(
        len(record.data) + len(record.partition_key) <= TWO_PER_RECORD
        for record in put.stream.records
    )


def test_a_payload_larger_than_a_record_is_rejected_before_anything_is_put() -> None:
    stream = FakeStream()
    putter = StreamPutter(stream, "points", max_record_bytes=100)

    with pytest.raises(ValueError, match="payload 1"):
        putter.put("T-1", [b"small", b"x" * 90], Deadline(1.0))
    assert not stream.calls


def test_only_the_failed_records_of_a_call_are_put_again() -> None:
    put = Put(FailSome([1]), max_record_bytes=TWO_PER_RECORD)
    first, second = put.stream.calls

    assert [entry["Data"] for entry in second] == [first[1]["Data"]]
    assert sorted(put.accepted) == POINTS
    assert len(put.accepted) == len(POINTS)
    assert put.outcome.failed == ()
    assert put.outcome.failure == THROTTLED


def test_the_outcome_has_the_sequence_numbers_of_accepted_payloads() -> None:
    put = Put(FailSome([1]), max_record_bytes=TWO_PER_RECORD)

    assert len(put.outcome.accepted) == 3
    for record in put.outcome.accepted:
        (stored,) = [
            one for one in put.stream.records if one.sequence_number == record.sequence_number
        ]
        held = [each.data for each in deaggregate(stored.data, stored.partition_key)]
        assert held == [POINTS[place] for place in record.payloads]


def test_only_payloads_that_fail_until_the_deadline_are_reported_as_failed() -> None:
    put = Put(then=FailSome([0]), max_record_bytes=TWO_PER_RECORD)

    # The first call has all three records; the first of them fails every time.
    assert put.outcome.failed == (0, 1)
    assert put.accepted == POINTS[2:]


def test_no_attempt_begins_after_the_deadline() -> None:
    put = Put(then=rejected(THROTTLED), budget_s=3.5)

    # At 0, 1, 2 and 3 s.
    assert put.outcome.attempts == 4
    assert put.clock.now_s <= 3.5
    assert put.outcome.failed == (0, 1, 2, 3, 4)


def test_one_attempt_is_made_even_without_any_time() -> None:
    put = Put(budget_s=-1.0)

    assert put.outcome.attempts == 1
    assert put.accepted == POINTS


@pytest.mark.parametrize(
    "passing",
    [
        rejected(THROTTLED),
        rejected("LimitExceededException"),
        rejected("KMSThrottlingException"),
        rejected("InternalFailure", status=500),
        rejected("ServiceUnavailable", status=503),
        ReadTimeoutError(endpoint_url="https://stream"),
        ConnectTimeoutError(endpoint_url="https://stream"),
        EndpointConnectionError(endpoint_url="https://stream"),
    ],
)
def test_a_temporary_failure_is_tried_again(passing: Exception) -> None:
    put = Put(passing, passing)

    assert put.outcome.attempts == 3
    assert put.outcome.failed == ()
    assert put.accepted == POINTS


@pytest.mark.parametrize(
    "left", [{}, {"FailedRecordCount": 0}, {"FailedRecordCount": 0, "Records": [{"ShardId": "x"}]}]
)
def test_a_response_without_a_result_for_each_record_confirms_none(left: dict[str, Any]) -> None:
    again = Put(LoseResponse(left), max_record_bytes=TWO_PER_RECORD)
    never = Put(then=LoseResponse(left), max_record_bytes=TWO_PER_RECORD)

    assert (again.outcome.failed, again.outcome.attempts) == ((), 2)
    assert never.outcome.failed == (0, 1, 2, 3, 4)
    assert never.outcome.failure == UNREADABLE_RESPONSE


@pytest.mark.parametrize(
    ("lasting", "failure"),
    [
        (rejected("ResourceNotFoundException"), "ResourceNotFoundException"),
        (rejected("AccessDeniedException"), "AccessDeniedException"),
        (rejected("ValidationException"), "ValidationException"),
        (NoCredentialsError(), "NoCredentialsError"),
    ],
)
def test_a_permanent_failure_is_reported_at_once(lasting: Exception, failure: str) -> None:
    put = Put(then=lasting)

    assert put.outcome.attempts == 1
    assert put.outcome.failed == (0, 1, 2, 3, 4)
    assert put.outcome.failure == failure


def test_an_error_of_the_program_is_not_handled_as_one_of_the_stream() -> None:
    with pytest.raises(KeyError):
        Put(KeyError("a bug"))


def test_calls_stay_within_the_limits_of_put_records() -> None:
    many = [b"x" * 10] * (2 * MAX_CALL_RECORDS + 1)
    stream = FakeStream()
    StreamPutter(stream, "points", max_record_bytes=60).put("T-1", many, Deadline(1.0))

    assert [len(call) for call in stream.calls] == [500, 500, 1]

    large = [b"x" * 1_000_000] * 11
    stream = FakeStream()
    StreamPutter(stream, "points").put("T-1", large, Deadline(1.0))

    sizes = [sum(len(entry["Data"]) for entry in call) for call in stream.calls]
    assert len(stream.user_records) == 11
    assert max(sizes) <= MAX_CALL_BYTES


def test_waits_are_jittered_and_grow() -> None:
    waited: list[float] = []
    stream = FakeStream([rejected(THROTTLED)] * 6)
    putter = StreamPutter(stream, "points", sleep=waited.append)

    putter.put("T-1", POINTS, Deadline(60.0))

    assert len(waited) == 6
    assert len(set(waited)) == 6
    assert all(0 <= wait_s <= 0.05 * 2**n for n, wait_s in enumerate(waited))


class SlowStream(FakeStream):
    """A stream of which each call takes `call_s` of a clock."""

    def __init__(self, clock: Clock, *, call_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._call_s = call_s

    def put_records(self, **request: Any) -> Mapping[str, Any]:
        self._clock.sleep(self._call_s)
        return super().put_records(**request)


def test_only_the_first_call_of_a_put_may_begin_after_the_deadline() -> None:
    clock = Clock()
    stream = SlowStream(clock, call_s=4.0)
    deadline = Deadline(10.0, clock=lambda: clock.now_s)
    trucks = [Batch(f"T-{number}", [b"point"]) for number in range(5 * MAX_CALL_RECORDS)]

    outcomes = StreamPutter(stream, "points", sleep=clock.sleep).put_all(trucks, deadline)

    # They begin after 0, 4 and 8 s; at 12 s there is no time left.
    assert len(stream.calls) == 3
    assert {outcome.failed for outcome in outcomes[: 3 * MAX_CALL_RECORDS]} == {()}
    late = outcomes[3 * MAX_CALL_RECORDS :]
    assert {(outcome.failed, outcome.failure) for outcome in late} == {((0,), OUT_OF_TIME)}


def test_several_trucks_share_a_call_but_no_record() -> None:
    stream = FakeStream()

    outcomes = StreamPutter(stream, "points").put_all(
        [Batch("T-1", [b"a", b"b"]), Batch("T-2", [b"c"])], Deadline(0)
    )

    assert len(stream.calls) == 1
    assert [record.partition_key for record in stream.records] == ["T-1", "T-2"]
    assert [(each.partition_key, each.data) for each in stream.user_records] == [
        ("T-1", b"a"),
        ("T-1", b"b"),
        ("T-2", b"c"),
    ]
    assert [outcome.failed for outcome in outcomes] == [(), ()]


def test_a_failed_record_is_reported_only_for_its_own_truck() -> None:
    stream = FakeStream(then=FailSome([0]))

    throttled, accepted = StreamPutter(stream, "points").put_all(
        [Batch("T-1", [b"a", b"b"]), Batch("T-2", [b"c"])], Deadline(0)
    )

    assert (throttled.failed, throttled.failure) == ((0, 1), THROTTLED)
    assert (accepted.failed, accepted.failure) == ((), None)


class Unwalked(tuple[int, ...]):
    """Indexes that may be looked up, but not iterated over."""

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("all of them are visited")


@pytest.mark.parametrize(
    ("part", "failed"),
    [
        (range(2), (1,)),
        (range(2, 5), (1, 2)),
        (range(5, 9), (0,)),
        (range(6, 9), ()),
        (range(0), ()),
    ],
)
def test_a_part_of_an_outcome_excludes_the_failures_of_other_parts(
    part: range, failed: tuple[int, ...]
) -> None:
    """A large put has many parts, and each would visit all failed indexes."""
    whole = PutOutcome(failed=Unwalked((1, 3, 4, 5)), attempts=1, failure=THROTTLED)

    assert whole.of(part).failed == failed


def test_a_part_of_an_outcome_counts_from_its_own_first_payload() -> None:
    whole = PutOutcome(
        failed=(3, 4),
        attempts=1,
        failure=THROTTLED,
        accepted=(AcceptedRecord(range(3), "shard", "7"),),
    )

    part = whole.of(range(2, 4))

    assert part.failed == (1,)
    assert part.accepted == (AcceptedRecord(range(-2, 1), "shard", "7"),)
