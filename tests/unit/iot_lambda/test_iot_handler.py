"""The Lambda, from batches of the device stream to the main stream, over streams in memory."""

from __future__ import annotations

import base64
import gzip
import io
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_lambda import bootstrap, handler
from iot_lambda.batches import LINES_PER_BATCH, METRICS, PARKINGS_AT_ONCE
from iot_lambda.bootstrap import COMPONENT, build_app
from iot_lambda.classifying import FRESH_MS, Record
from iot_lambda.settings import Settings
from rtdts.ingest import messages
from rtdts.ingest.device_messages import DeviceMessage, decode_message, encode_message
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.settings import SettingsError, read_settings
from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.telemetry_stream.set_aside import SetAsideBatches
from rtdts.tracking.blocks import Block, BlockKind, identity_subject
from rtdts.tracking.positions import Point
from rtdts.tracking.roles import TRUCK
from rtdts.tracking.stream_codec import decode_point
from rtdts.tracking.telemetry import MAX_POINTS
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_bucket import FakeVersionedBucket
from tests.fakes.fake_event_source import FakeEventSource
from tests.fakes.fake_stream import FailSome, FakeBucket, FakeStream, rejected
from tests.support.blocks import revocation
from tests.support.http_intake import over_http
from tests.support.telemetry_points import telemetry_point

NOW_MS = 1_795_503_168_120
REQUIRED = {
    "STREAM_NAME": "points",
    "PARKED_BUCKET": "parked",
    "BLOCKED_IDENTITIES_TABLE": "blocked",
}


class Context:
    """The Lambda's context."""

    def __init__(self, remaining_ms: int = 60_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


class FailingBucket(FakeBucket):
    """A bucket of which the first `failures` writes fail."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def put_object(self, **request: Any) -> Mapping[str, Any]:
        if self.failures:
            self.failures -= 1
            raise rejected("SlowDown", 503)
        return super().put_object(**request)


class World:
    """The Lambda behind an event source mapping, and what it writes to."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        stream: FakeStream | None = None,
        *,
        bucket: FakeBucket | None = None,
        remaining_ms: int = 60_000,
        **environ: str,
    ) -> None:
        self.stream = stream or FakeStream()
        self.bucket = bucket or FakeBucket()
        self.blocks = FakeBlockStore()
        self.log = io.StringIO()
        self.metrics = io.StringIO()
        self.app = build_app(
            read_settings(Settings, REQUIRED | environ),
            stream=self.stream,
            objects=self.bucket,
            blocks=self.blocks,
            log=Logger(COMPONENT, self.log),
            metrics=MetricWriter(COMPONENT, METRICS, stream=self.metrics, now_ms=lambda: NOW_MS),
            now_ms=lambda: NOW_MS,
        )
        monkeypatch.setattr(bootstrap, "app", lambda: self.app)
        self.source = FakeEventSource(lambda event: handler.handle(event, Context(remaining_ms)))

    def send(self, truck_id: str, payload: bytes, *, received_at_ms: int = NOW_MS) -> str:
        """A message as the rule writes it; returns its sequence number."""
        message = DeviceMessage(truck_id=truck_id, received_at_ms=received_at_ms, payload=payload)
        return self.source.put(truck_id, encode_message(message), arrived_at_ms=received_at_ms)

    def send_point(self, truck_id: str, seq: int, **fields: Any) -> str:
        return self.send(truck_id, json.dumps(point(truck_id, seq, **fields)).encode())

    @property
    def points(self) -> list[Point]:
        return [decode_point(each.data) for each in self.stream.user_records]

    @property
    def parked(self) -> list[tuple[str, bytes]]:
        return [(one.metadata["reason"], one.body) for one in self.bucket.objects.values()]

    @property
    def counted(self) -> dict[str, float]:
        names = [metric.name for metric in METRICS]
        lines = [json.loads(line) for line in self.metrics.getvalue().splitlines()]
        return {name: sum(line[name] for line in lines) for name in names}

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = map(json.loads, self.log.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def point(truck_id: str, seq: int, **fields: Any) -> dict[str, Any]:
    return telemetry_point(NOW_MS - 1_000, truck_id, seq=seq, **fields)


def record(truck_id: str, payload: bytes) -> Record:
    """A record of the device stream."""
    message = DeviceMessage(truck_id=truck_id, received_at_ms=NOW_MS, payload=payload)
    return Record(f"{truck_id}-{payload!r}", encode_message(message), NOW_MS)


def positions(*points: Mapping[str, Any]) -> bytes:
    return json.dumps({"positions": points}).encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("late_ms", [0, 3_600_000])
def test_points_are_as_over_http_with_the_time_of_the_rule_as_receipt(
    world: World, pack: Any, late_ms: int
) -> None:
    received_at_ms = NOW_MS - late_ms
    body = positions(
        point("T-1", 1),
        point("T-1", 2, recorded_at="2031-01-01T00:00:00Z", speed_mps=13.20, odometer_m=10.0),
        point("T-1", 3, recorded_at="1970-01-01T00:00:00Z"),
    )
    world.send("T-1", pack(body), received_at_ms=received_at_ms)
    world.source.deliver()

    expected = over_http(body, "T-1", received_at_ms)
    assert len(expected) == 2
    assert world.points == [msgspec.structs.replace(one, source="mqtt") for one in expected]


def test_messages_of_a_truck_share_a_record_in_order_and_trucks_share_a_call(
    world: World,
) -> None:
    for seq in range(1, 5):
        world.send_point("T-1", seq)
        world.send_point("T-2", 10 + seq)
    world.source.deliver()

    assert [record.partition_key for record in world.stream.records] == ["T-1", "T-2"]
    assert [one.seq for one in world.points] == [1, 2, 3, 4, 11, 12, 13, 14]
    assert len(world.stream.calls) == 1
    assert world.source.waiting == 0
    assert world.counted["PointsAccepted"] == 8


def test_records_that_the_stream_did_not_accept_are_delivered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = FakeStream([FailSome([1]), rejected("InternalFailure", 500)])
    world = World(monkeypatch, stream, remaining_ms=0)
    world.send_point("T-1", 1)
    failed = world.send_point("T-2", 2)
    world.send_point("T-1", 3)
    response = world.source.deliver()

    assert response == {"batchItemFailures": [{"itemIdentifier": failed}]}
    assert world.source.waiting == 2
    assert world.counted["PointsFailed"] == 1
    assert world.counted["MessagesRetried"] == 2

    world.source.deliver()
    world.source.deliver()

    assert world.source.waiting == 0
    assert {(one.truck_id, one.seq) for one in world.points} == {("T-1", 1), ("T-2", 2), ("T-1", 3)}


def test_each_truck_that_failed_is_delivered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, FakeStream([FailSome([0, 2])]), remaining_ms=0)
    for seq, truck_id in enumerate(("T-1", "T-2", "T-3")):
        world.send_point(truck_id, seq)
    while world.source.waiting:
        world.source.deliver()

    assert {one.truck_id for one in world.points} == {"T-1", "T-2", "T-3"}


def test_a_message_that_was_accepted_in_part_is_delivered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A message whose points fill more than one record."""
    world = World(monkeypatch, FakeStream([FailSome([1])]), remaining_ms=0)
    putter = StreamPutter(world.stream, "points", max_record_bytes=400)
    monkeypatch.setattr(world.app.batches, "_putter", putter)
    world.send("T-1", positions(point("T-1", 1), point("T-1", 2)))
    world.source.deliver()

    assert [one.seq for one in world.points] == [1]
    assert world.source.waiting == 1

    world.source.deliver()

    assert {one.seq for one in world.points} == {1, 2}
    assert world.source.waiting == 0


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", messages.UNREADABLE),
        (b"not json", messages.UNREADABLE),
        (b"\x00\xff", messages.UNREADABLE),
        (b"\x1f\x8b no gzip", messages.UNREADABLE),
        (b'{"positions":[]}', messages.UNREADABLE),
        (positions(point("T-2", 1)), messages.FOREIGN_TRUCK),
        (positions(*[point("T-1", 1)] * (MAX_POINTS + 1)), messages.TOO_MANY_POINTS),
        (gzip.compress(b" " * 20_000), messages.TOO_LARGE),
        (positions(point("T-1", 1, lat=95.0)), messages.REJECTED_POINTS),
    ],
    ids=["empty", "text", "binary", "gzip", "none", "foreign", "many", "large", "rejected"],
)
def test_an_unusable_message_is_parked_unchanged_and_delays_no_other(
    monkeypatch: pytest.MonkeyPatch, payload: bytes, reason: str
) -> None:
    world = World(monkeypatch, MAX_BODY_BYTES="10000" if reason == messages.TOO_LARGE else "500000")
    world.send_point("T-1", 7)
    world.send("T-1", payload)
    world.send_point("T-2", 8)
    world.source.deliver()

    assert world.source.waiting == 0
    assert [one.seq for one in world.points] == [7, 8]
    assert world.parked == [(reason, payload)]
    (parked,) = world.bucket.objects.values()
    assert parked.metadata["partition-key"] == "T-1"


@pytest.mark.parametrize(
    ("data", "reason", "parked"),
    [
        (b"no json", messages.UNREADABLE, b"no json"),
        (b'{"truck_id":"T-1","payload":"e30="}', messages.UNREADABLE, None),
        (b'{"truck_id":"T-1","received_at_ms":1,"payload":"*"}', messages.UNREADABLE, None),
        (b'{"truck_id":"T-1","received_at_ms":"1","payload":"e30="}', messages.UNREADABLE, None),
        (b'{"truck_id":"a b","received_at_ms":1,"payload":"e30="}', messages.FOREIGN_TOPIC, b"{}"),
    ],
)
def test_a_record_that_was_not_written_by_the_rule_is_parked(
    world: World, data: bytes, reason: str, parked: bytes | None
) -> None:
    world.source.put("T-1", data)
    world.send_point("T-1", 1)
    world.source.deliver()

    assert world.source.waiting == 0
    assert world.parked == [(reason, data if parked is None else parked)]
    assert [one.seq for one in world.points] == [1]
    assert world.counted["MessagesUnusable"] == 1


def test_good_points_are_put_and_the_message_is_parked_for_its_bad_ones(world: World) -> None:
    payload = positions(point("T-1", 1), point("T-1", 2, lat=95.0))
    world.send("T-1", payload)
    world.source.deliver()

    assert [one.seq for one in world.points] == [1]
    assert world.parked == [(messages.REJECTED_POINTS, payload)]
    assert (world.counted["PointsAccepted"], world.counted["PointsRejected"]) == (1, 1)


@pytest.mark.parametrize("payload", [b"x", positions(point("T-1", 2), point("T-1", 3, lat=95.0))])
def test_a_message_that_could_not_be_parked_is_delivered_again(
    monkeypatch: pytest.MonkeyPatch, payload: bytes
) -> None:
    world = World(monkeypatch, bucket=FailingBucket(1))
    world.send_point("T-1", 1)
    failed = world.send("T-1", payload)
    response = world.source.deliver()

    assert response == {"batchItemFailures": [{"itemIdentifier": failed}]}
    assert not world.bucket.objects

    world.source.deliver()

    assert world.source.waiting == 0
    assert [body for _, body in world.parked] == [payload]


def test_an_unavailable_bucket_is_logged_once_per_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, bucket=FailingBucket(20))
    for number in range(20):
        world.send("T-1", f"no json {number}".encode())
    world.source.deliver()

    (line,) = world.lines("not_parked")
    assert line["messages"] == 20
    assert world.source.waiting == 20


@given(st.integers())
def test_a_record_with_any_time_is_a_message_or_parked(received_at_ms: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        document = {
            "truck_id": "T-1",
            "received_at_ms": received_at_ms,
            "payload": base64.b64encode(json.dumps(point("T-1", 1)).encode()).decode(),
        }
        world.source.put("T-1", json.dumps(document).encode())
        world.source.deliver()

    assert world.source.waiting == 0
    assert len(world.points) + len(world.parked) == 1


def test_more_unusable_messages_than_time_allows_are_parked_over_several_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, remaining_ms=0)
    sent = [f"no json {number}".encode() for number in range(60)]
    for payload in sent:
        world.send("T-1", payload)
    while world.source.waiting:
        world.source.deliver()

    assert {body for _, body in world.parked} == set(sent)
    assert len(world.lines("unusable")) <= LINES_PER_BATCH * len(world.source.deliveries)


def test_no_put_and_no_parking_begins_after_the_lambdas_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A put that takes long leaves no time for what would follow it."""
    now_s = 0.0

    class SlowStream(FakeStream):
        def put_records(self, **request: Any) -> Mapping[str, Any]:
            nonlocal now_s
            now_s += 60.0
            return super().put_records(**request)

    class WaitingBucket(FakeBucket):
        """A bucket of which the first writes take until the put is over."""

        def put_object(self, **request: Any) -> Mapping[str, Any]:
            begun_at_s.append(now_s)
            while not now_s:
                time.sleep(0.001)
            return super().put_object(**request)

    begun_at_s: list[float] = []
    world = World(monkeypatch, SlowStream(), bucket=WaitingBucket())
    deadline = Deadline(50.0, clock=lambda: now_s)
    records = [record(f"T-{n}", json.dumps(point(f"T-{n}", 1)).encode()) for n in range(600)]
    records += [record("T-bad", b"no json %d" % n) for n in range(30)]

    report = world.app.batches.handle(records, deadline)

    assert len(world.stream.calls) == 1
    assert begun_at_s == [0.0] * PARKINGS_AT_ONCE
    assert report.retry_from == records[500].sequence_number


def test_no_point_of_a_revoked_truck_is_accepted_or_parked(world: World) -> None:
    world.blocks.block(revocation(identity_subject(TRUCK, "T-1"), NOW_MS))
    world.send_point("T-1", 1)
    world.send("T-1", b"x")
    world.send_point("T-2", 2)
    world.source.deliver()

    assert world.source.waiting == 0
    assert [one.seq for one in world.points] == [2]
    assert not world.bucket.objects
    (line,) = world.lines("batch")
    assert line["unusable"] == {"revoked": 2}


def over_quota(world: World, *, blocked_at_ms: int, until_ms: int) -> None:
    """The consumer has found T-1 over its quota."""
    world.blocks.block(
        Block(
            subject=identity_subject(TRUCK, "T-1"),
            kind=BlockKind.OVER_QUOTA,
            until_ms=until_ms,
            reason="quota",
            blocked_at_ms=blocked_at_ms,
        )
    )


def test_messages_over_a_trucks_quota_are_set_aside_and_can_be_replayed(world: World) -> None:
    over_quota(world, blocked_at_ms=NOW_MS, until_ms=NOW_MS + 1)
    world.send_point("T-2", 2)
    sent = [world.send_point("T-1", 1), world.send("T-1", b"no json")]
    world.source.deliver()

    assert (world.source.waiting, [one.seq for one in world.points]) == (0, [2])
    assert (world.counted["MessagesOverQuota"], world.counted["MessagesUnusable"]) == (2, 0)
    ((key, kept),) = world.bucket.objects.items()
    assert key == f"aws/lambda/over-quota/T-1/{sent[0]}"
    batches = FakeVersionedBucket()
    batches.put_object(Key=key, Body=kept.body)
    (first, second) = SetAsideBatches(BucketObjects(batches, "parked")).messages(key)
    assert first.truck_id == second.truck_id == "T-1"
    assert decode_message(second.data).payload == b"no json"

    # It is replayed long after it was received, so it does not count towards the quota.
    world.source.put("T-1", first.data, arrived_at_ms=NOW_MS + FRESH_MS + 1)
    world.source.deliver()

    assert [(one.seq, one.received_at_ms) for one in world.points] == [(2, NOW_MS), (1, NOW_MS)]


@pytest.mark.parametrize(("blocked_at_ms", "until_ms"), [(1, 1_000), (NOW_MS + 1, NOW_MS + 2)])
def test_a_block_applies_only_to_messages_received_while_it_lasted(
    world: World, blocked_at_ms: int, until_ms: int
) -> None:
    over_quota(world, blocked_at_ms=blocked_at_ms, until_ms=until_ms)
    world.send_point("T-1", 1)
    world.source.deliver()

    assert [one.seq for one in world.points] == [1]
    assert not world.bucket.objects


def test_a_truck_gets_its_quota_of_points_and_other_trucks_are_not_affected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, TRUCK_POINTS_PER_MINUTE="4", QUOTA_MINUTES="1")
    world.send("T-1", positions(*(point("T-1", seq) for seq in range(3))))
    for seq in range(3, 8):
        world.send_point("T-1", seq)
    world.send_point("T-2", 9)
    world.source.deliver()
    # A minute later it has the same quota again.
    for seq in range(10, 12):
        at_ms = NOW_MS + 60_000
        world.send("T-1", json.dumps(point("T-1", seq)).encode(), received_at_ms=at_ms)
    world.source.deliver()

    assert [one.seq for one in world.points if one.truck_id == "T-1"] == [0, 1, 2, 3, 10, 11]
    assert [one.seq for one in world.points if one.truck_id == "T-2"] == [9]
    assert world.counted["MessagesOverQuota"] == 4
    assert len(world.bucket.objects) == 1


def test_a_repeated_batch_counts_towards_the_quota_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the main stream accepts nothing, a batch is delivered again and again."""
    stream = FakeStream([rejected("InternalFailure", 500)] * 9)
    world = World(
        monkeypatch, stream, remaining_ms=0, TRUCK_POINTS_PER_MINUTE="4", QUOTA_MINUTES="1"
    )
    for seq in range(4):
        world.send_point("T-1", seq)
    while world.source.waiting:
        world.source.deliver()

    assert {one.seq for one in world.points} == {0, 1, 2, 3}
    assert not world.bucket.objects


def test_a_batch_that_could_not_be_set_aside_is_delivered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, bucket=FailingBucket(1))
    over_quota(world, blocked_at_ms=NOW_MS, until_ms=NOW_MS + 1)
    sent = world.send_point("T-1", 1)

    assert world.source.deliver() == {"batchItemFailures": [{"itemIdentifier": sent}]}
    world.source.deliver()
    assert len(world.bucket.objects) == 1
    assert world.source.waiting == 0


def test_the_topic_identifies_the_truck_whatever_is_in_the_message(world: World) -> None:
    world.send("T-1", json.dumps(point("T-9", 1)).encode())
    world.send("5", b'{"truckId":5,"timestamp":20261124155248,"lon":129.1,"lat":35.1}')
    world.source.deliver()

    assert [one.truck_id for one in world.points] == ["5"]
    assert [reason for reason, _ in world.parked] == [messages.FOREIGN_TRUCK]


def test_each_point_of_a_traced_truck_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, TRACE_TRUCKS="T-1")
    world.send_point("T-1", 1)
    world.send_point("T-2", 2)
    world.source.deliver()

    (line,) = world.lines("point")
    assert line["step"] == "accepted"
    assert line["point_id"].startswith("T-1:")


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_record_makes_the_lambda_fail(records: Sequence[bytes]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        for data in records:
            world.source.put("T-1", data)
        world.source.deliver()

    assert world.source.waiting == 0
    assert {body for _, body in world.parked} == set(records)


def test_an_internal_error_is_raised_and_the_whole_batch_stays_in_the_stream(world: World) -> None:
    world.send_point("T-1", 1)
    with pytest.raises(KeyError):
        handler.handle({"no records": []}, Context())

    assert world.source.waiting == 1


def test_attempts_end_before_the_lambdas_time_is_over() -> None:
    settings = read_settings(Settings, REQUIRED)

    assert handler.batch_deadline(settings, Context(0)).passed
    left_s = handler.batch_deadline(settings, Context(60_000)).remaining_s
    assert 50 < left_s <= 60 - settings.connect_timeout_s - settings.read_timeout_s - 1


def test_an_unknown_zone_is_rejected_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="FIRST_GENERATION_TIMEZONE"):
        World(monkeypatch, FIRST_GENERATION_TIMEZONE="Mars/Olympus")
