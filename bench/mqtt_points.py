"""The MQTT bridge: points per second of CPU beside HTTP's, age of points, connected trucks."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench import ingest_points
from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.timing import cpu_rate
from bench.workload import fixes, truck_id
from sim.fleet.device import Fix
from sim.fleet.mqtt_truck import MqttTruck
from sim.local_cloud.applications import BRIDGE_ID, BRIDGE_ROLE
from tests.support.mqtt_broker import BrokerProcess, running_broker

PUBLISHERS = 20
IN_FLIGHT = 25
RATE = 500
BASELINE = "HTTP's handler, one point per request"
ITERATED = "the bridge through aiomqtt's iterator"
OPENED_AT_ONCE = 50
MAX_BYTES = 256 * 2**20


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    count = 400 if quick else 10_000
    with (
        tempfile.TemporaryDirectory() as folder,
        running_broker(Path(folder), max_bytes=MAX_BYTES) as broker,
    ):
        yield from _measure(broker, count, quick, print_line)


def _measure(
    broker: BrokerProcess, count: int, quick: bool, print_line: PrintLine
) -> Iterator[Figure]:
    print_line(f"{count} messages with one point each, waiting in the broker")
    work = _messages(count)
    rates = {}
    for route in ("direct", "iterated"):
        asyncio.run(_publish(broker, work))
        figures = _bridge_report(_start_bridge(broker, count, route))
        rates[route] = figures["points"] / figures["cpu_s"]
        if route == "direct":
            per_record = figures["points"] / figures["records"]
    events = [ingest_points.event_of([fix]) for fix in fixes(1, count, end_ms=_now_ms())]
    http = cpu_rate(count, partial(ingest_points.handle, events))
    yield beside("mqtt_points", rates["direct"], "points/s per core", BASELINE, http)
    unit = "points/s per core"
    yield beside("mqtt_points.route", rates["direct"], unit, ITERATED, rates["iterated"])
    yield Figure(name="mqtt_points.a_record", value=per_record, unit="points per record")

    seconds = 1 if quick else 10
    print_line(f"{RATE} points per second for {seconds} s")
    bridge = _start_bridge(broker, RATE * seconds, "direct")
    assert bridge.stdout is not None
    bridge.stdout.readline()
    asyncio.run(_publish_at_rate(broker, seconds))
    figures = _bridge_report(bridge)
    yield Figure(name="mqtt_age_p50", value=max(figures["p50_ms"], 1), unit="ms")
    yield Figure(name="mqtt_age_p99", value=max(figures["p99_ms"], 1), unit="ms")

    trucks = 50 if quick else 2_000
    print_line(f"{trucks} trucks connect, each publishes a point, all stay")
    before_mb = _memory_mb(broker)
    held, took_s = asyncio.run(_hold(broker, trucks))
    yield Figure(name="mqtt_trucks_held", value=held, unit="connections")
    yield Figure(name="mqtt_trucks_connect_s", value=took_s, unit="s")
    yield Figure(name="mqtt_broker_mb", value=max(_memory_mb(broker), before_mb), unit="MB")


def _messages(count: int) -> list[tuple[str, bytes]]:
    each = count // PUBLISHERS
    end_ms = _now_ms()
    return [
        (truck_id(number), _body(fix))
        for number in range(PUBLISHERS)
        for fix in fixes(number, each, end_ms=end_ms)
    ]


def _body(fix: Fix) -> bytes:
    return json.dumps(fix.to_wire()).encode()


async def _publish(broker: BrokerProcess, work: Sequence[tuple[str, bytes]]) -> None:
    """Each truck publishes its points, some concurrently; returns when all are acknowledged."""

    async def of_truck(name: str, bodies: Sequence[bytes]) -> None:
        truck = broker.truck(name)
        room = asyncio.Semaphore(IN_FLIGHT)

        async def one(body: bytes) -> None:
            async with room:
                await truck.publish(f"trucks/{name}/telemetry", body)

        async with truck.opened():
            await asyncio.gather(*map(one, bodies))

    by_truck: dict[str, list[bytes]] = {}
    for name, body in work:
        by_truck.setdefault(name, []).append(body)
    await asyncio.gather(*(of_truck(name, bodies) for name, bodies in by_truck.items()))


async def _publish_at_rate(broker: BrokerProcess, seconds: int) -> None:
    """`RATE` points per second in total, each recorded when it is published."""

    async def of_truck(number: int) -> None:
        name = truck_id(number)
        (fix,) = fixes(number, 1, end_ms=_now_ms())
        every_s = PUBLISHERS / RATE
        begin_s = asyncio.get_running_loop().time() + number / RATE
        truck = broker.truck(name)
        sending = []
        async with truck.opened():
            for turn in range(RATE * seconds // PUBLISHERS):
                wait_s = begin_s + turn * every_s - asyncio.get_running_loop().time()
                await asyncio.sleep(max(0.0, wait_s))
                body = _body(_at(fix, turn, _now_ms()))
                sending.append(asyncio.create_task(truck.publish(f"trucks/{name}/telemetry", body)))
            await asyncio.gather(*sending)

    await asyncio.gather(*map(of_truck, range(PUBLISHERS)))


def _at(fix: Fix, seq: int, at_ms: int) -> Fix:
    return dataclasses.replace(fix, seq=seq, recorded_at_ms=at_ms)


async def _hold(broker: BrokerProcess, trucks: int) -> tuple[int, float]:
    """How many connections were open when each had published a point, and how long it took."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, trucks * 3)), hard))
    opening = asyncio.Semaphore(OPENED_AT_ONCE)
    began_s = time.monotonic()
    async with contextlib.AsyncExitStack() as opened:

        async def connect(number: int) -> MqttTruck:
            name = truck_id(number, "H")
            truck = broker.truck(name)
            (fix,) = fixes(1, 1, end_ms=_now_ms())
            body = _body(fix).replace(fix.truck_id.encode(), name.encode())
            async with opening:
                await opened.enter_async_context(truck.opened())
                await truck.publish(f"trucks/{name}/telemetry", body)
            return truck

        standing = await asyncio.gather(*map(connect, range(trucks)))
        took_s = time.monotonic() - began_s
        return sum(not truck.is_lost for truck in standing), took_s


def _start_bridge(broker: BrokerProcess, messages: int, route: str) -> subprocess.Popen[str]:
    token = broker.token(BRIDGE_ROLE, BRIDGE_ID)
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "bench.mqtt_bridge_process"),
            *(str(broker.port), token, str(messages), route),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def _bridge_report(bridge: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = bridge.communicate()
    if bridge.returncode:
        raise CannotMeasureError("the bridge failed")
    figures: dict[str, Any] = json.loads(output.splitlines()[-1])
    return figures


def _memory_mb(broker: BrokerProcess) -> float:
    assert broker.process is not None
    status = Path(f"/proc/{broker.process.pid}/status").read_text()
    (kb,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kb) / 1024


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


BENCHMARK = Benchmark(name="mqtt_points", title="the MQTT bridge: CPU, age, connections", run=run)
