"""What docs/asyncapi-mqtt.yaml promises, tried as a truck's manufacturer would."""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rtdts.runtime.wall_clock import now_ms
from rtdts.telemetry_stream.parking import PREFIX, message_name
from rtdts.tracking.instants import format_instant
from sim.environment import Environment
from sim.fleet.mqtt_truck import MqttTruck
from sim.local_cloud.launch import LaunchedCloud
from sim.local_cloud.resources import local_session
from sim.token_client import TokenClient
from tests.support.drive_checks import documents_of
from tests.support.waiting import DEADLINE_S, eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


class Truck:
    """A truck that receives its results."""

    def __init__(self, environment: Environment) -> None:
        self.truck_id = f"T.{secrets.token_hex(4)}"
        self.environment = environment
        self._results: asyncio.Queue[tuple[bytes | None, dict[str, Any]]] = asyncio.Queue()
        token = TokenClient.of(environment).token("truck", self.truck_id)
        self._truck = MqttTruck(
            environment.mqtt_url,
            self.truck_id,
            token,
            on_message=lambda _, payload, mark: self._results.put_nowait(
                (mark, json.loads(payload))
            ),
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with self._truck.opened():
            await self._truck.subscribe(f"trucks/{self.truck_id}/telemetry/result")
            yield

    async def publish(self, payload: bytes, **options: Any) -> None:
        await self._truck.publish(f"trucks/{self.truck_id}/telemetry", payload, **options)

    async def result(self) -> tuple[bytes | None, dict[str, Any]]:
        async with asyncio.timeout(DEADLINE_S):
            return await self._results.get()

    def point(self, age_ms: int = 0, **fields: Any) -> dict[str, Any]:
        at = format_instant(now_ms() - age_ms)
        return {"truck_id": self.truck_id, "recorded_at": at, "lat": 35.1, "lon": 129.1} | fields

    def parked(self, payload: bytes) -> dict[str, Any]:
        """The metadata with which a message was parked."""
        environment = self.environment
        s3 = local_session(environment.region).client(
            "s3", endpoint_url=environment.aws_endpoint_url
        )
        key = f"{PREFIX}{message_name(self.truck_id, payload)}"
        found = s3.get_object(Bucket=environment.parked_bucket, Key=key)
        assert found["Body"].read() == payload
        return dict(found["Metadata"])


async def test_a_truck_receives_the_results_of_its_points(local_cloud: LaunchedCloud) -> None:
    truck = Truck(local_cloud.environment)
    good = json.dumps({"positions": [truck.point(1_000, seq=1), truck.point(seq=2)]}).encode()
    mixed = json.dumps({"positions": [truck.point(seq=3), truck.point(seq=4, lat=95)]}).encode()
    async with truck.opened():
        await truck.publish(good, correlation=b"first")
        first = await truck.result()
        await truck.publish(gzip.compress(good), content_type="application/gzip", correlation=b"2")
        again = await truck.result()
        await truck.publish(mixed)
        rejected = await truck.result()
        await truck.publish(b"nonsense")
        unusable = await truck.result()

    everything = {"accepted": 2, "rejected": [], "adjusted": []}
    assert first == (b"first", everything)
    assert again == (b"2", everything)
    one = {"index": 1, "field": "lat", "reason": "out_of_range"}
    assert rejected == (None, {"accepted": 1, "rejected": [one], "adjusted": []})
    assert unusable[1]["reason"] == "unreadable"
    assert truck.parked(mixed)["reason"] == "rejected_points"
    assert truck.parked(b"nonsense")["partition-key"] == truck.truck_id
    await asyncio.to_thread(
        eventually, lambda: documents_of(local_cloud.environment, truck.truck_id) == 3
    )
