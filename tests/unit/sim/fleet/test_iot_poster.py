"""A truck's bodies as basic ingest of AWS IoT Core."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from sim.fleet.iot_poster import IotPoster
from sim.fleet.uploader import UnreachableError


class DataPlane:
    """Accepts messages, unless it is unavailable."""

    def __init__(self, *, is_unavailable: bool = False) -> None:
        self.taken: list[dict[str, Any]] = []
        self._is_unavailable = is_unavailable

    def publish(self, **request: Any) -> None:
        if self._is_unavailable:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")
        self.taken.append(request)


async def test_a_body_is_published_to_the_rule_on_the_trucks_own_topic() -> None:
    plane = DataPlane()
    response = await IotPoster(lambda: plane, "rule", "T-1")(b"{}", "application/json", "token")

    assert response.status == 202
    topic = "$aws/rules/rule/trucks/T-1/telemetry"
    assert plane.taken == [{"topic": topic, "qos": 1, "payload": b"{}"}]


async def test_an_unavailable_endpoint_is_reported_as_unreachable() -> None:
    with pytest.raises(UnreachableError):
        await IotPoster(lambda: DataPlane(is_unavailable=True), "rule", "T-1")(b"{}", "", "")
