"""From a message's arrival to its acknowledgement, over a broker, a stream, a bucket in memory."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mqtt_bridge.judging import Judgement, Message, judge
from mqtt_bridge.session import Ports, Session
from mqtt_bridge.tally import Tally
from mqtt_bridge.topics import SUBSCRIPTIONS
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.parking import Parking
from rtdts.telemetry_stream.putter import Batch, PutOutcome, StreamPutter
from rtdts.tracking.stream_codec import decode_point
from tests.fakes.fake_broker import FakeBroker
from tests.fakes.fake_stream import FailSome, FakeBucket, FakeStream, rejected
from tests.support.telemetry_points import telemetry_point

NOW_MS = 1_795_503_168_120
SOON_S = 20.0
"""Longer than any of this takes; nothing here waits for it."""


def point(truck_id: str, seq: int, **fields: Any) -> dict[str, Any]:
    return telemetry_point(NOW_MS, truck_id, seq=seq, **fields)


class World:
    """A session on a connection of a fake broker.

    Attributes:
        gate: Puts wait until it is set.
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
        self.park_failures = 0
        self.revoked: set[str] = set()
        self.puts_begun = asyncio.Event()
        self._putter = StreamPutter(stream, "points")
        log = Logger("mqtt_bridge", self.log)
        self.connection = self.broker.connection()
        self.session = Session(
            self.connection,
            Ports(
                judge=self._judge,
                put=self._put,
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

    def _judge(self, message: Message) -> Judgement:
        return judge(
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

    async def _park(self, message: Message, truck_id: str | None, reason: str, detail: str) -> None:
        if self.park_failures:
            self.park_failures -= 1
            raise rejected("SlowDown", 503)
        Parking(self.bucket, "parked").park_message(
            message.payload, truck_id=truck_id, reason=reason, detail=detail
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.session.run())
        try:
            async with self.connection.opened(SUBSCRIPTIONS, self.session.take):
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

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not is_so():  # noqa: ASYNC110 - of several parts, none of which signals it
                await asyncio.sleep(0)

    @property
    def seqs(self) -> list[int | None]:
        return [decode_point(each.data).seq for each in self.stream.user_records]


async def test_a_message_is_acknowledged_only_when_the_stream_has_its_points() -> None:
    world = World(FakeStream())
    world.gate.clear()
    async with world.running():
        world.send("T-1", point("T-1", 1))
        await world.puts_begun.wait()

        assert (world.broker.kept, world.session.held) == (1, 1)
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


async def test_what_was_not_accepted_is_put_again_and_then_acknowledged() -> None:
    world = World(FakeStream([FailSome([0]), rejected("InternalFailure", 500)]))
    async with world.running():
        world.send("T-1", point("T-1", 1))
        await world.all_acknowledged()

    assert world.seqs == [1]
    assert world.tally.take(held=0, oldest_held_s=0)["PointsFailed"] == 2


async def test_each_of_several_messages_that_were_not_accepted_is_put_again() -> None:
    world = World(FakeStream([FailSome([0])]), gather_s=60.0)
    async with world.running():
        for seq in range(3):
            world.send("T-1", point("T-1", seq))
        await world.all_acknowledged()

    assert world.seqs == [0, 1, 2]


async def test_a_truck_whose_record_fails_holds_up_no_other() -> None:
    world = World(FakeStream(then=FailSome([0])), gather_s=60.0)
    async with world.running():
        world.send("T-1", point("T-1", 1))
        world.send("T-2", point("T-2", 2))
        drained = asyncio.create_task(world.session.drain(Deadline(SOON_S)))  # they share a call
        await world.until(lambda: 2 in world.seqs)

        assert world.broker.kept == 1
        drained.cancel()


async def test_no_more_is_held_than_the_broker_may_hand_over() -> None:
    world = World(FakeStream(), broker=FakeBroker(receive_maximum=5))
    world.gate.clear()
    async with world.running():
        for seq in range(12):
            world.send("T-1", point("T-1", seq))
        await world.puts_begun.wait()

        assert (world.session.held, world.broker.kept) == (5, 12)
        world.gate.set()
        await world.until(lambda: not world.broker.kept)

    assert sorted(filter(None, world.seqs)) == list(range(1, 12))


async def test_what_can_not_be_used_is_parked_reported_and_acknowledged() -> None:
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


async def test_what_a_revoked_truck_sends_is_acknowledged_and_kept_nowhere() -> None:
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


async def test_the_good_points_of_a_message_are_put_and_its_bad_ones_parked_and_named() -> None:
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
    assert {one.body for one in world.bucket.objects.values()} == {wrong, b"nonsense"}


@pytest.mark.parametrize(("correlation", "results"), [(None, 0), (b"mine", 1)])
async def test_a_good_message_has_a_result_when_the_truck_requests_one(
    correlation: bytes | None, results: int
) -> None:
    world = World(FakeStream())
    async with world.running():
        world.send("T-1", point("T-1", 1), correlation=correlation)
        await world.all_acknowledged()

    assert [one.correlation for one in world.broker.results] == [correlation] * results


async def test_what_comes_after_the_drain_began_is_left_to_the_next_bridge() -> None:
    world = World(FakeStream())
    async with world.running():
        world.send("T-1", point("T-1", 1))
        await world.all_acknowledged()
        world.send("T-1", point("T-1", 2))

        assert (world.session.held, world.broker.kept) == (0, 1)

    assert world.seqs == [1]


async def test_a_drain_ends_at_its_deadline_and_what_is_left_is_not_acknowledged() -> None:
    world = World(FakeStream(then=rejected("InternalFailure", 500)))
    async with world.running():
        world.send("T-1", point("T-1", 1))

        assert not await world.session.drain(Deadline(0.01))

    assert world.broker.kept == 1


async def test_an_error_of_ours_ends_the_session() -> None:
    world = World(FakeStream(then=ValueError("ours")))
    async with world.connection.opened(SUBSCRIPTIONS, world.session.take):
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
async def test_a_session_ends_though_a_message_comes_at_that_moment(steps: int) -> None:
    # asyncio.wait_for of Python 3.11 drops a cancellation that meets its result: the bridge then
    # waited for ever for a session that went on.
    world = World(FakeStream(), gather_s=SOON_S)
    running = asyncio.create_task(world.session.run())
    async with world.connection.opened(SUBSCRIPTIONS, world.session.take):
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
