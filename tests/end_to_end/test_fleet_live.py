"""A dispatcher sees trucks drive and its own changes to deliveries, through the real parts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from rtdts.runtime.wall_clock import now_ms
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.support.asyncapi_schema import validate_message
from tests.support.http_client import ApiClient
from tests.support.telemetry_points import telemetry_point
from tests.support.viewer_client import Viewer

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

LAT, LON = -33.45, -70.66
BOX = [-71.0, -34.0, -70.0, -33.0]


@pytest.fixture
def tokens(local_cloud: LaunchedCloud) -> TokenClient:
    return TokenClient.of(local_cloud.environment)


class Truck:
    """A truck that sends where it is."""

    def __init__(self, cloud: LaunchedCloud, tokens: TokenClient) -> None:
        self.truck_id = f"T-fleet{uuid.uuid4().hex[:8]}"
        self._api = ApiClient(cloud.environment.server_url)
        self._token = tokens.token("truck", self.truck_id)
        self._sent = 0

    def is_at(self, lat: float) -> None:
        self._sent += 1
        point = telemetry_point(now_ms(), self.truck_id, seq=self._sent, lat=lat, lon=LON)
        response = self._api("POST", "/telemetry", token=self._token, body=point)
        assert response.status == 202, response


@pytest.fixture
def truck(local_cloud: LaunchedCloud, tokens: TokenClient) -> Truck:
    return Truck(local_cloud, tokens)


def showing(
    truck: Truck, expected: Callable[[list[Any]], bool]
) -> Callable[[dict[str, Any]], bool]:
    """Whether a message shows the truck so."""

    def shows(message: dict[str, Any]) -> bool:
        if message["type"] != "fleet":
            return False
        validate_message(message)
        return any(row[0] == truck.truck_id and expected(row) for row in message["trucks"])

    return shows


def showing_at(truck: Truck, lat: float) -> Callable[[dict[str, Any]], bool]:
    return showing(truck, lambda row: row[1] == lat)


def test_a_dispatcher_sees_a_truck_drive_and_its_deliveries_change_without_new_points(
    local_cloud: LaunchedCloud, tokens: TokenClient, truck: Truck
) -> None:
    environment = local_cloud.environment
    token = tokens.token("dispatcher", f"d-{uuid.uuid4().hex[:8]}")
    truck.is_at(LAT)
    with Viewer(environment.websocket_url, token=token) as viewer:
        viewer.send(
            {
                "action": "track_fleet",
                "view": "mine",
                "bbox": BOX,
                "zoom": 9,
                "filter": {"search": truck.truck_id},
            }
        )
        first = viewer.wait_for(showing_at(truck, LAT))
        assert (first["view"], first["total"]) == ("mine", 1)
        assert first["trucks"][0][6:] == [None, None, 0]

        for step in range(1, 4):
            lat = round(LAT + step / 1_000, 5)
            truck.is_at(lat)
            viewer.wait_for(showing_at(truck, lat))

        # From here on the truck sends nothing.
        delivery_id = f"D-{uuid.uuid4().hex[:8]}"
        api = ApiClient(environment.server_url)
        plan = {
            "truck_id": truck.truck_id,
            "customer_id": "C-1",
            "origin": {"lat": LAT, "lon": LON + 1},
            "destination": {"lat": LAT + 1, "lon": LON},
        }
        created = api("PUT", f"/deliveries/{delivery_id}", token=token, body=plan)
        assert created.status == 201, created
        viewer.wait_for(
            showing(truck, lambda row: row[6:8] == ["assigned", delivery_id]),
        )
        cancelled = api(
            "POST",
            f"/deliveries/{delivery_id}/events",
            token=token,
            body={"type": "cancelled"},
            headers={"Idempotency-Key": uuid.uuid4().hex},
        )
        assert cancelled.status == 201, cancelled
        seen = len(viewer.messages)
        viewer.wait_for(
            lambda message: (
                message not in viewer.messages[:seen]
                and showing(truck, lambda row: row[6:8] == [None, None])(message)
            ),
        )

        viewer.send({"action": "track_fleet", "bbox": [0, 0, 1, 1], "zoom": 9})
        viewer.wait_for(
            lambda message: message["type"] == "fleet" and message["view"] is None,
        )


def test_a_customer_sees_no_fleet(local_cloud: LaunchedCloud, tokens: TokenClient) -> None:
    token = tokens.token("customer", f"C-{uuid.uuid4().hex[:8]}")
    with Viewer(local_cloud.environment.websocket_url, token=token) as viewer:
        viewer.send({"action": "track_fleet", "bbox": BOX, "zoom": 9})
        error = viewer.wait_for_type("error")

        assert (error["topic"], error["reason"]) == ("fleet", "forbidden")
        viewer.send({"action": "ping"})
        viewer.wait_for_type("pong")
        assert all(message["type"] != "fleet" for message in viewer.messages)
