"""From a message's arrival to its acknowledgement, with a fake broker, stream and bucket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mqtt_bridge import parking_queue
from mqtt_bridge.classifying import Classification, Message, classify
from mqtt_bridge.parking_queue import PARKINGS_AT_ONCE
from mqtt_bridge.quota import BridgeQuota
from mqtt_bridge.session import Ports, Session
from mqtt_bridge.tally import Tally
from mqtt_bridge.topics import SUBSCRIPTIONS
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.runtime.rate_limits import RateLimits
from rtdts.telemetry_stream.parking import OVER_QUOTA, SEVERAL, Parking, UnusableMessage
from rtdts.telemetry_stream.putter import Batch, PutOutcome, StreamPutter
from rtdts.tracking.blocks import Block, BlockKind, Blocks
from rtdts.tracking.stream_codec import decode_point
from tests.fakes.fake_broker import FakeBroker
from tests.fakes.fake_stream import FailSome, FakeBucket, FakeStream, rejected
from tests.support.telemetry_points import telemetry_point
from tests.support.waiting import until

NOW_MS = 1_795_503_168_120
SOON_S = 20.0
"""Longer than anything here takes; no test waits that long."""


def point(truck_id: str, seq: int, **fields: Any) -> dict[str, Any]:
    return telemetry_point(NOW_MS, truck_id, seq=seq, **fields)


class World:
    """A session on a connection of a fake broker.

    Attributes:
        gate: Puts wait until it is set.
        parking_gate: Parkings wait until it is set.
        parkings: The truck of each parking that has begun.
    """

    def __init__(
        self, stream: FakeStream, *, gather_s: float = 0.0, broker: FakeBroker | None = None
    ) -> None:
        self.broker = broker or FakeBroker()
        self.stream = stream
        self.bucket = FakeBucket()
        self.tally = Tally()
        self.log = io.StringIO()
        self.gate = asyncio.Event()
        self.gate.set()
        self.now_ms = NOW_MS
        self.blocks: list[Block] = []
        self.park_failures = 0
        self.set_aside_failures = 0
        self.parkings: list[str | None] = []
        self.parking_gate = asyncio.Event()
        self.parking_gate.set()
        self.revoked: set[str] = set()
        self.puts_begun = asyncio.Event()
        self._putter = StreamPutter(stream, "points")
        log = Logger("mqtt_bridge", self.log)
        self.connection = self.broker.connection()
        self.session = Session(
            self.connection,
            Ports(
                classify=self._classify,
                put=self._put,
                set_aside=self._set_aside,
                quota=BridgeQuota(
                    RateLimits(per_minute=60, burst_minutes=1),
                    lambda: Blocks(self.blocks),
                    now_ms=lambda: self.now_ms,
                ),
                park=self._park,
                clock=asyncio.get_running_loop().time,
                waits_s=lambda: itertools.repeat(0.0),
            ),
            gather_s=gather_s,
            puts_at_once=2,
            tally=self.tally,
            log=log,
            trace=PointTrace("T-traced", log),
        )

    def _classify(self, message: Message) -> Classification:
        return classify(
            message,
            received_at_ms=NOW_MS,
            zone=ZoneInfo("Asia/Seoul"),
            max_body_bytes=100_000,
            is_revoked=self.revoked.__contains__,
        )

    async def _put(self, batches: Sequence[Batch]) -> Sequence[PutOutcome]:
        self.puts_begun.set()
        await self.gate.wait()
        return self._putter.put_all(batches, Deadline(0))

    async def _set_aside(self, batch: Batch) -> None:
        if self.set_aside_failures:
            self.set_aside_failures -= 1
            raise rejected("SlowDown", 503)
        Parking(self.bucket, "parked").park_points(batch.payloads, truck_id=batch.truck_id)

    async def _park(self, truck_id: str | None, messages: Sequence[UnusableMessage]) -> None:
        self.parkings.append(truck_id)
        await self.parking_gate.wait()
        if self.park_failures:
            self.park_failures -= 1
            raise rejected("SlowDown", 503)
        Parking(self.bucket, "parked").park_messages(messages, truck_id=truck_id)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.session.run())
        try:
            async with self.connection.opened(SUBSCRIPTIONS, self.session.receive):
                yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def send(
        self, truck_id: str, *points: dict[str, Any], correlation: bytes | None = None
    ) -> None:
        self.broker.publish(
            f"trucks/{truck_id}/telemetry",
            json.dumps({"positions": points}).encode(),
            correlation=correlation,
        )

    async def all_acknowledged(self) -> None:
        assert await self.session.drain(Deadline(SOON_S))

    @property
    def parked(self) -> list[bytes]:
        """The payloads of all parked messages, in the order of their objects."""
        payloads = []
        for one in self.bucket.objects.values():
            if one.metadata["reason"] == SEVERAL:
                lines = map(json.loads, one.body.splitlines())
                payloads += [base64.b64decode(line["payload"]) for line in lines]
            else:
                payloads.append(one.body)
        return payloads

    @property
    def seqs(self) -> list[int | None]:
        return [decode_point(each.data).seq for each in self.stream.user_records]


async def test_a_message_is_acknowledged_only_when_the_stream_has_its_points() -> None:
    world = World(FakeStream())
    world.gate.clear()
    async with world.running():
        world.send("T-1", point("T-1", 1))
        await world.puts_begun.wait()

        assert (world.broker.kept, world.session.in_flight) == (1, 1)
        world.gate.set()
        await world.all_acknowledged()

    assert world.broker.kept == 0
    assert world.seqs == [1]


async def test_messages_of_one_truck_share_a_record_and_trucks_share_a_call() -> None:
    world = World(FakeStream(), gather_s=60.0)
    async with world.running():
        for seq in range(3):
            world.send("T-1", point("T-1", seq))
        world.send("T-2", point("T-2", 9))
        await world.all_acknowledged()

    assert len(world.stream.calls) == 1
    assert [record.partition_key for record in world.stream.records] == ["T-1", "T-2"]
    assert world.seqs == [0, 1, 2, 9]


async def test_points_not_accepted_are_put_again_and_then_acknowledged() -> None:
    world = World(FakeStream([FailSome([0]), rejected("InternalFailure", 500)]))
    async with world.running():
        world.send("T-1", point("T-1", 1))
        await world.all_acknowledged()

    assert world.seqs == [1]
    assert world.tally.collect(in_flight=0, oldest_in_flight_s=0)["PointsFailed"] == 2


async def test_each_of_several_messages_that_were_not_accepted_is_put_again() -> None:
    world = World(FakeStream([FailSome([0])]), gather_s=60.0)
    async with world.running():
        for seq in range(3):
            world.send("T-1", point("T-1", seq))
        await world.all_acknowledged()

    assert world.seqs == [0, 1, 2]


async def test_a_trucks_failed_record_delays_no_other_truck() -> None:
    world = World(FakeStream(then=FailSome([0])), gather_s=60.0)
    async with world.running():
        world.send("T-1", point("T-1", 1))
        world.send("T-2", point("T-2", 2))
        drained = asyncio.create_task(world.session.drain(Deadline(SOON_S)))  # they share a call
        await until(lambda: 2 in world.seqs)

        assert world.broker.kept == 1
        drained.cancel()


async def test_no_more_messages_are_in_flight_than_the_receive_maximum() -> None:
    world = World(FakeStream(), broker=FakeBroker(receive_maximum=5))
    world.gate.clear()
    async with world.running():
        for seq in range(12):
            world.send("T-1", point("T-1", seq))
        await world.puts_begun.wait()

        assert (world.session.in_flight, world.broker.kept) == (5, 12)
        world.gate.set()
        await until(lambda: not world.broker.kept)

    assert sorted(filter(None, world.seqs)) == list(range(1, 12))


async def test_an_unusable_message_is_parked_reported_and_acknowledged() -> None:
    world = World(FakeStream())
    world.park_failures = 2
    async with world.running():
        world.broker.publish("trucks/T-1/telemetry", b"nonsense", correlation=b"7")
        await world.all_acknowledged()

    (parked,) = world.bucket.objects.values()
    (result,) = world.broker.results
    assert (parked.body, parked.metadata["reason"]) == (b"nonsense", "unreadable")
    assert parked.metadata["partition-key"] == "T-1"
    assert (result.topic, result.correlation) == ("trucks/T-1/telemetry/result", b"7")
    assert json.loads(result.payload)["reason"] == "unreadable"
    assert (world.broker.kept, world.stream.records) == (0, [])


def blocked(truck_id: str) -> Block:
    return Block(
        subject=f"truck:{truck_id}",
        kind=BlockKind.OVER_QUOTA,
        until_ms=NOW_MS + 10_000,
        reason="a test",
        blocked_at_ms=NOW_MS,
    )


def set_aside(world: World) -> list[int | None]:
    """The `seq` of each point that was set aside."""
    kept = [one for one in world.bucket.objects.values() if one.metadata["reason"] == OVER_QUOTA]
    return [decode_point(line).seq for one in kept for line in one.body.splitlines()]


async def test_points_of_a_truck_over_its_quota_are_set_aside_and_those_of_others_are_put() -> None:
    world = World(FakeStream())
    async with world.running():
        world.send("T-1", *(point("T-1", seq) for seq in range(1, 62)))
        await until(lambda: not world.broker.kept)
        world.send("T-1", point("T-1", 100), point("T-1", 101))
        world.send("T-2", point("T-2", 200))
        await until(lambda: not world.broker.kept)
        world.now_ms += 10_000
        world.send("T-1", point("T-1", 300))
        await until(lambda: not world.broker.kept)

    assert set_aside(world) == [100, 101]
    assert {200, 300} <= set(world.seqs)
    assert not {100, 101} & set(world.seqs)
    assert world.tally.collect(in_flight=0, oldest_in_flight_s=0)["PointsSetAside"] == 2
    assert "over_quota" in world.log.getvalue()


async def test_a_truck_that_the_consumer_has_blocked_is_set_aside() -> None:
    """The consumer also sees what the truck sends over HTTP and through other bridges."""
    world = World(FakeStream())
    world.blocks.append(blocked("T-1"))
    async with world.running():
        world.send("T-1", point("T-1", 1))
        world.send("T-2", point("T-2", 2))
        await world.all_acknowledged()

    assert (set_aside(world), world.seqs) == ([1], [2])


async def test_a_message_that_could_not_be_set_aside_is_tried_again() -> None:
    world = World(FakeStream())
    world.set_aside_failures = 2
    async with world.running():
        world.send("T-1", *(point("T-1", seq) for seq in range(1, 62)))
        await until(lambda: not world.broker.kept)
        world.send("T-1", point("T-1", 100))
        await world.all_acknowledged()

    assert set_aside(world) == [100]
    assert world.tally.collect(in_flight=0, oldest_in_flight_s=0)["PointsFailed"] == 2


async def test_setting_points_aside_delays_no_put_of_other_trucks() -> None:
    world = World(FakeStream())
    world.blocks.append(blocked("T-1"))
    world.set_aside_failures = 1_000_000
    async with world.running():
        world.send("T-1", point("T-1", 1))
        world.send("T-2", point("T-2", 2))
        await until(lambda: world.seqs == [2])

        assert world.broker.kept == 1


async def test_a_truck_that_sends_unusable_messages_without_end_takes_one_parking_at_a_time() -> (
    None
):
    """Otherwise they fill the window that all trucks share, and every other truck waits."""
    world = World(FakeStream(), broker=FakeBroker(receive_maximum=1_000))
    world.parking_gate.clear()
    async with world.running():
        for number in range(900):
            world.broker.publish("trucks/T-1/telemetry", f"nonsense {number}".encode())
        world.broker.publish("trucks/T-2/telemetry", b"nonsense")
        await until(lambda: "T-2" in world.parkings)
        under_way = list(world.parkings)
        world.parking_gate.set()
        await world.all_acknowledged()

    lines = [line for line in world.log.getvalue().splitlines() if "unusable" in line]
    assert sorted(under_way, key=str) == ["T-1", "T-2"]
    assert len(world.parkings) <= 4
    assert len(world.parked) == 901
    assert world.tally.collect(in_flight=0, oldest_in_flight_s=0)["MessagesUnusable"] == 901
    assert len(lines) == 2, "one per truck"


async def test_messages_that_come_while_an_object_is_written_share_the_next_one() -> None:
    world = World(FakeStream())
    world.parking_gate.clear()
    async with world.running():
        world.broker.publish("trucks/T-1/telemetry", b"first")
        await until(lambda: bool(world.parkings))
        for payload in (b"second", b"third"):
            world.broker.publish("trucks/T-1/telemetry", payload)
        await until(lambda: world.session.in_flight == 3)
        world.parking_gate.set()
        await world.all_acknowledged()

    assert world.parkings == ["T-1", "T-1"]
    assert world.parked == [b"first", b"second", b"third"]


async def test_messages_that_name_no_truck_share_no_object() -> None:
    world = World(FakeStream())
    async with world.running():
        for payload in (b"one", b"two"):
            world.broker.publish("no/trucks/topic", payload)
        await world.all_acknowledged()

    assert len(world.bucket.objects) == len(world.parked) == 2


async def test_messages_that_name_no_truck_are_parked_concurrently_up_to_a_limit() -> None:
    world = World(FakeStream())
    world.parking_gate.clear()
    async with world.running():
        for number in range(PARKINGS_AT_ONCE + 2):
            world.broker.publish("no/trucks/topic", f"{number}".encode())
        await until(lambda: len(world.parkings) >= PARKINGS_AT_ONCE)
        under_way = list(world.parkings)
        world.parking_gate.set()
        await world.all_acknowledged()

    assert under_way == [None] * PARKINGS_AT_ONCE
    assert len(world.bucket.objects) == PARKINGS_AT_ONCE + 2


async def test_large_messages_share_no_object_and_are_written_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parking_queue, "MAX_OBJECT_BYTES", 10)
    world = World(FakeStream())
    world.parking_gate.clear()
    async with world.running():
        for payload in (b"x" * 6, b"y" * 6, b"z" * 20):
            world.broker.publish("trucks/T-1/telemetry", payload)
        world.broker.publish("trucks/T-2/telemetry", b"nonsense")
        await until(lambda: "T-2" in world.parkings)
        under_way = list(world.parkings)
        world.parking_gate.set()
        await world.all_acknowledged()

    assert sorted(under_way, key=str) == ["T-1", "T-2"]
    assert len(world.bucket.objects) == 4


async def test_messages_of_a_revoked_truck_are_acknowledged_and_dropped() -> None:
    world = World(FakeStream())
    world.revoked.add("T-1")
    async with world.running():
        world.send("T-1", point("T-1", 1))
        world.send("T-2", point("T-2", 2))
        await world.all_acknowledged()

    assert not world.bucket.objects
    assert world.seqs == [2]
    assert world.broker.kept == 0
    assert [json.loads(one.payload)["reason"] for one in world.broker.results] == ["revoked"]


async def test_valid_points_of_a_message_are_put_and_invalid_ones_are_parked_and_reported() -> None:
    world = World(FakeStream())
    async with world.running():
        world.send("T-1", point("T-1", 1), point("T-1", 2, lat=95.0))
        await world.all_acknowledged()

    (parked,) = world.bucket.objects.values()
    (result,) = world.broker.results
    assert world.seqs == [1]
    assert parked.metadata["reason"] == "rejected_points"
    assert json.loads(result.payload) == {
        "accepted": 1,
        "rejected": [{"index": 1, "field": "lat", "reason": "out_of_range"}],
        "adjusted": [],
    }


async def test_a_phones_messages_are_acknowledged_and_have_no_result() -> None:
    world = World(FakeStream())
    position = {"_type": "location", "tst": NOW_MS // 1_000, "lat": 35.1, "lon": 129.1}
    wrong = json.dumps(position | {"lat": 95}).encode()
    async with world.running():
        for payload in (json.dumps(position).encode(), wrong, b'{"_type":"lwt"}', b"nonsense"):
            world.broker.publish("owntracks/T-1/phone", payload, correlation=b"7")
        await world.all_acknowledged()

    (point,) = (decode_point(one.data) for one in world.stream.user_records)
    assert (point.truck_id, world.broker.kept, world.broker.results) == ("T-1", 0, [])
    assert set(world.parked) == {wrong, b"nonsense"}


@pytest.mark.parametrize(("correlation", "results"), [(None, 0), (b"mine", 1)])
async def test_a_valid_message_has_a_result_only_if_the_truck_requests_one(
    correlation: bytes | None, results: int
) -> None:
    world = World(FakeStream())
    async with world.running():
        world.send("T-1", point("T-1", 1), correlation=correlation)
        await world.all_acknowledged()

    assert [one.correlation for one in world.broker.results] == [correlation] * results


async def test_messages_after_the_drain_began_are_left_to_the_next_bridge() -> None:
    world = World(FakeStream())
    async with world.running():
        world.send("T-1", point("T-1", 1))
        await world.all_acknowledged()
        world.send("T-1", point("T-1", 2))

        assert (world.session.in_flight, world.broker.kept) == (0, 1)

    assert world.seqs == [1]


async def test_a_drain_ends_at_its_deadline_and_what_is_left_is_not_acknowledged() -> None:
    world = World(FakeStream(then=rejected("InternalFailure", 500)))
    async with world.running():
        world.send("T-1", point("T-1", 1))

        assert not await world.session.drain(Deadline(0.01))

    assert world.broker.kept == 1


async def test_an_unexpected_error_ends_the_session() -> None:
    world = World(FakeStream(then=ValueError("ours")))
    async with world.connection.opened(SUBSCRIPTIONS, world.session.receive):
        world.send("T-1", point("T-1", 1))

        with pytest.raises(ValueError, match="ours"):
            await world.session.run()


async def test_each_point_of_a_traced_truck_is_reported_with_its_place_in_the_stream() -> None:
    world = World(FakeStream(), gather_s=60.0)
    async with world.running():
        world.send("T-traced", point("T-traced", 1))
        world.send("T-traced", point("T-traced", 2))
        await world.all_acknowledged()

    reported = [json.loads(line) for line in world.log.getvalue().splitlines()]
    assert [(one["step"], one["sub_sequence_number"]) for one in reported] == [
        ("accepted", 0),
        ("accepted", 1),
    ]


@pytest.mark.parametrize("steps", range(5))
async def test_a_session_ends_even_if_a_message_arrives_at_that_moment(steps: int) -> None:
    # asyncio.wait_for of Python 3.11 drops a cancellation that coincides with its result: the
    # bridge then waited for ever for a session that kept running.
    world = World(FakeStream(), gather_s=SOON_S)
    running = asyncio.create_task(world.session.run())
    async with world.connection.opened(SUBSCRIPTIONS, world.session.receive):
        world.send("T-1", point("T-1", 1))
        for _ in range(10):
            await asyncio.sleep(0)  # it waits until that one is due
        world.send("T-2", point("T-2", 1))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        ended, _ = await asyncio.wait({running}, timeout=2.0)
        running.cancel()

        assert ended
