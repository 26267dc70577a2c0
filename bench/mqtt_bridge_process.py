"""A bridge on a real broker and a stream that accepts everything: its cost, as a JSON line.

    python -m bench.mqtt_bridge_process PORT TOKEN MESSAGES ROUTE

The stream is in this process, as in the HTTP handler's benchmark. ROUTE is `direct`, as the bridge
receives its messages, or `iterated`, as aiomqtt documents it; the difference is the cost of its
iterator.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from zoneinfo import ZoneInfo

from mqtt_bridge.broker_client import BrokerConnection
from mqtt_bridge.classifying import Message, classify
from mqtt_bridge.quota import BridgeQuota
from mqtt_bridge.session import Ports, Session
from mqtt_bridge.tally import Tally
from mqtt_bridge.topics import SUBSCRIPTIONS
from rtdts.runtime import wall_clock
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import get_logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.runtime.rate_limits import RateLimits
from rtdts.telemetry_stream.putter import Batch, PutOutcome, StreamPutter
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.stream_codec import decode_point
from sim.local_cloud.applications import BRIDGE_USER
from sim.local_cloud.ports import HOST

GATHER_S = 0.1
RECEIVE_MAXIMUM = 1_000


class _Stream:
    """Accepts everything."""

    def put_records(self, **request: Any) -> Mapping[str, Any]:
        return {"FailedRecordCount": 0, "Records": [{}] * len(request["Records"])}


class _IteratedConnection(BrokerConnection):
    """A connection that receives messages through aiomqtt's own iterator."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        self._passing: asyncio.Task[None] | None = None

    def through_iterator(self, handle: Callable[[Message], None]) -> Callable[[Message], None]:
        """Iterates as aiomqtt's client does: a task for each message."""

        async def pass_on() -> None:
            disconnected: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            while True:
                getting: asyncio.Future[Message] = asyncio.create_task(self._arrived.get())
                await asyncio.wait({getting, disconnected}, return_when=asyncio.FIRST_COMPLETED)
                handle(getting.result())

        self._passing = asyncio.create_task(pass_on())
        return self._arrived.put_nowait


async def _run(port: int, token: str, messages: int, route: str) -> dict[str, float]:
    put_at: list[tuple[int, Sequence[bytes]]] = []
    put_points = 0
    records = 0
    done = asyncio.Event()
    putter = StreamPutter(cast("Any", _Stream()), "stream")

    async def put(batches: Sequence[Batch]) -> Sequence[PutOutcome]:
        nonlocal put_points, records
        outcomes = putter.put_all(batches, Deadline(0))
        now_ms = wall_clock.now_ms()
        put_at.extend((now_ms, batch.payloads) for batch in batches)
        put_points += sum(len(batch.payloads) for batch in batches)
        records += len(batches)
        if put_points >= messages:
            done.set()
        return outcomes

    async def park(*_: object) -> None:
        raise AssertionError("every message is good")

    zone = ZoneInfo("UTC")
    ports = Ports(
        classify=lambda message: classify(
            message,
            received_at_ms=wall_clock.now_ms(),
            zone=zone,
            max_body_bytes=1_048_576,
            is_revoked=lambda _: False,
        ),
        put=put,
        set_aside=park,
        quota=BridgeQuota(
            RateLimits(per_minute=6e9, burst_minutes=60), Blocks, now_ms=wall_clock.now_ms
        ),
        park=park,
        clock=time.monotonic,
        waits_s=lambda: backoff_s(first_s=0.1, max_s=2.0),
    )
    arguments: dict[str, Any] = {
        "host": HOST,
        "port": port,
        "tls": None,
        "username": BRIDGE_USER,
        "password": token,
        "receive_maximum": RECEIVE_MAXIMUM,
        "keepalive_s": 60,
        "session_expiry_s": 3_600,
    }
    is_direct = route == "direct"
    connection = BrokerConnection(**arguments) if is_direct else _IteratedConnection(**arguments)
    log = get_logger("bench")
    session = Session(
        connection,
        ports,
        gather_s=GATHER_S,
        puts_at_once=4,
        tally=Tally(),
        log=log,
        trace=PointTrace("", log),
    )
    handle: Callable[[Message], None] = session.receive
    if isinstance(connection, _IteratedConnection):
        handle = connection.through_iterator(session.receive)
    running = asyncio.create_task(session.run())
    before_s, began_s = time.process_time(), time.monotonic()
    async with connection.opened(SUBSCRIPTIONS, handle):
        print("READY", flush=True)
        await done.wait()
        await session.drain(Deadline(30))
        cpu_s, took_s = time.process_time() - before_s, time.monotonic() - began_s
    running.cancel()
    ages_ms = sorted(
        at_ms - decode_point(payload).recorded_at_ms
        for at_ms, payloads in put_at
        for payload in payloads
    )
    return {
        "points": put_points,
        "records": records,
        "cpu_s": cpu_s,
        "took_s": took_s,
        "p50_ms": ages_ms[len(ages_ms) // 2],
        "p99_ms": ages_ms[len(ages_ms) * 99 // 100],
    }


if __name__ == "__main__":
    port, token, messages, route = sys.argv[1:]
    print(json.dumps(asyncio.run(_run(int(port), token, int(messages), route))))
