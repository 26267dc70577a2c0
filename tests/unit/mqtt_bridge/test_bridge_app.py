"""When connections are lost, the broker delivers its messages again, and nothing is lost."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from mqtt_bridge.app import Bridge, Connection
from mqtt_bridge.classifying import classify
from mqtt_bridge.quota import BridgeQuota
from mqtt_bridge.session import Ports, Session
from mqtt_bridge.tally import METRICS, Tally
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.runtime.rate_limits import RateLimits
from rtdts.telemetry_stream.putter import Batch, PutOutcome, StreamPutter
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.stream_codec import decode_point
from tests.fakes.fake_broker import FakeBroker
from tests.fakes.fake_stream import FakeStream
from tests.support.telemetry_points import telemetry_point
from tests.support.waiting import until

NOW_MS = 1_795_503_168_120


class World:
    """A bridge over a fake broker and a fake stream, with puts that wait for a gate."""

    def __init__(self, stream: FakeStream | None = None) -> None:
        self.broker = FakeBroker()
        self.stream = stream or FakeStream()
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = 0
        self.reported = io.StringIO()
        self.stop = asyncio.Event()
        self._putter = StreamPutter(self.stream, "points")
        log = Logger("mqtt_bridge", self.reported)
        tally = Tally()

        async def pause(_: float) -> None:
            await asyncio.sleep(0)

        def session(connection: Connection) -> Session:
            ports = Ports(
                classify=lambda message: classify(
                    message,
                    received_at_ms=NOW_MS,
                    zone=ZoneInfo("UTC"),
                    max_body_bytes=9_999,
                    is_revoked=lambda _: False,
                ),
                put=self._put,
                set_aside=lambda _: asyncio.sleep(0),
                quota=BridgeQuota(
                    RateLimits(per_minute=6_000, burst_minutes=10), Blocks, now_ms=lambda: NOW_MS
                ),
                park=lambda *_: asyncio.sleep(0),
                clock=asyncio.get_running_loop().time,
                waits_s=lambda: itertools.repeat(0.0),
            )
            return Session(
                connection,
                ports,
                gather_s=0.0,
                puts_at_once=1,
                tally=tally,
                log=log,
                trace=PointTrace("", log),
            )

        self.bridge = Bridge(
            self.broker.connection,
            session,
            waits_s=lambda: itertools.repeat(0.0),
            tally=tally,
            metrics=MetricWriter(
                "mqtt_bridge", METRICS, stream=self.reported, now_ms=lambda: NOW_MS
            ),
            log=log,
            sleep=pause,
        )

    async def _put(self, batches: Sequence[Batch]) -> Sequence[PutOutcome]:
        self.begun += 1
        await self.gate.wait()
        return self._putter.put_all(batches, Deadline(0))

    def send(self, seq: int) -> None:
        point = telemetry_point(NOW_MS, "T-1", seq=seq)
        self.broker.publish("trucks/T-1/telemetry", json.dumps(point).encode())

    @property
    def seqs(self) -> list[int | None]:
        return [decode_point(each.data).seq for each in self.stream.user_records]


async def test_messages_of_a_lost_connection_are_delivered_again() -> None:
    world = World()
    world.gate.clear()
    running = asyncio.create_task(world.bridge.run(world.stop, shutdown_budget_s=5))
    world.send(1)
    await until(lambda: world.begun == 1)

    world.broker.lose_connections()
    world.gate.set()
    await until(lambda: world.broker.kept == 0)
    world.stop.set()
    await running

    assert set(world.seqs) == {1}
    assert '"not_connected"' in world.reported.getvalue()


async def test_an_old_connections_put_acknowledges_nothing_of_the_new_one() -> None:
    """Both connections number their messages from 1, so equal numbers are different messages."""
    world = World()
    world.gate.clear()
    running = asyncio.create_task(world.bridge.run(world.stop, shutdown_budget_s=0))
    world.send(1)
    await until(lambda: world.begun == 1)
    world.broker.lose_connections()
    await until(lambda: world.begun == 2)

    assert world.broker.kept == 1
    world.stop.set()
    await running
    assert world.broker.kept == 1


async def test_it_reconnects_when_the_broker_is_available_again() -> None:
    world = World()
    world.broker.is_unavailable = True
    running = asyncio.create_task(world.bridge.run(world.stop, shutdown_budget_s=5))
    world.send(1)
    await until(lambda: world.reported.getvalue().count('"not_connected"') > 3)

    world.broker.is_unavailable = False
    await until(lambda: world.broker.kept == 0)
    world.stop.set()
    await running

    assert world.seqs == [1]


async def test_it_puts_and_acknowledges_what_it_has_before_it_ends() -> None:
    world = World()
    world.gate.clear()
    running = asyncio.create_task(world.bridge.run(world.stop, shutdown_budget_s=20))
    world.send(1)
    await until(lambda: world.begun == 1)
    world.stop.set()
    await until(lambda: '"bridge_stopping"' in world.reported.getvalue())

    world.gate.set()
    await running

    assert (world.seqs, world.broker.kept) == ([1], 0)
    assert '"in_time":true' in world.reported.getvalue()


async def test_an_unexpected_error_ends_the_bridge() -> None:
    world = World(FakeStream(then=ValueError("ours")))
    world.send(1)

    with pytest.raises(ValueError, match="ours"):
        await world.bridge.run(world.stop, shutdown_budget_s=5)

    assert world.broker.kept == 1
