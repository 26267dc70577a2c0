"""Ordinary trucks that sensors see badly, through all real parts: docks, yards and clocks.

All points' times lie in the past, so a test takes less time than its points cover.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.deliveries import Cause, Delivery, Place, Status
from sim.geodesy import place_at
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.support.consumer_world import ORIGIN
from tests.support.http_client import ApiClient, HttpResponse
from tests.support.stream_trucks import StreamTrucks, east_of_origin, new_truck
from tests.support.telemetry_points import telemetry_point
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

HOUR_MS = 3_600_000
HOURS_AHEAD = 9
"""A device whose clock took local time in Seoul for UTC."""


@pytest.fixture
def trucks(local_cloud: LaunchedCloud) -> StreamTrucks:
    return StreamTrucks(local_cloud)


class Driver:
    """A truck with its token."""

    def __init__(self, trucks: StreamTrucks, truck_id: str) -> None:
        environment = trucks.cloud.environment
        self.truck_id = truck_id
        self._api = ApiClient(environment.server_url)
        self._token = TokenClient.of(environment).token("truck", truck_id)

    def declare(self, delivery: Delivery, what: str) -> HttpResponse:
        return self._api(
            "POST",
            f"/deliveries/{delivery.delivery_id}/events",
            token=self._token,
            body={"type": what},
            headers={"Idempotency-Key": uuid.uuid4().hex},
        )

    def upload(self, recorded_at_ms: list[int], *, first_seq: int = 0) -> HttpResponse:
        positions = [
            telemetry_point(at_ms, self.truck_id, seq=n, lat=ORIGIN.lat + n * 0.001, lon=ORIGIN.lon)
            for n, at_ms in enumerate(recorded_at_ms, first_seq)
        ]
        return self._api("POST", "/telemetry", token=self._token, body={"positions": positions})


def statuses(trucks: StreamTrucks, delivery: Delivery) -> list[tuple[Status, Cause]]:
    return [(one.status, one.cause) for one in trucks.events(delivery)]


def event_times(trucks: StreamTrucks, truck_id: str) -> dict[int | None, int]:
    """When each point of the truck's history took place, by `seq`; epoch milliseconds."""
    return {fix.fix.seq: fix.fix.event_at_ms for _, _, fix in trucks.stores.history([truck_id])}


def test_stops_at_indoor_docks_without_reception_are_detected(trucks: StreamTrucks) -> None:
    truck_id, began_at_ms = new_truck(), (now_ms() - HOUR_MS) // 1_000 * 1_000
    driver, delivery = Driver(trucks, truck_id), trucks.deliver(truck_id, began_at_ms - 1_000)

    def driven() -> Iterator[tuple[int, float]]:
        yield from ((n * 10, -800.0 + n * 100.0) for n in range(9))  # into the origin's fence
        # Ten minutes of silence inside, and the first fix again is on the road.
        yield from ((700 + n * 10, 380.0 + n * 200.0) for n in range(19))  # into the destination's
        yield from ((1_600 + n * 10, 4_300.0 + n * 100.0) for n in range(3))  # and beyond it

    points = [
        east_of_origin(truck_id, began_at_ms + second * 1_000, east_m, n)
        for n, (second, east_m) in enumerate(driven())
    ]
    trucks.put(points)
    eventually(lambda: trucks.status(delivery) is Status.ARRIVED)
    done = driver.declare(delivery, "delivered")

    assert done.status == 201, done.text
    assert trucks.status(delivery) is Status.DELIVERED
    seen = [status for status, _ in statuses(trucks, delivery)]
    assert seen[-2:] == [Status.ARRIVED, Status.DELIVERED]
    assert {Status.AT_PICKUP, Status.IN_TRANSIT} <= set(seen)


def test_a_delivery_within_one_yard_can_be_picked_up_and_delivered(trucks: StreamTrucks) -> None:
    truck_id, began_at_ms = new_truck(), (now_ms() - HOUR_MS) // 1_000 * 1_000
    lat, lon = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, 80.0)
    driver = Driver(trucks, truck_id)
    delivery = trucks.deliver(truck_id, began_at_ms - 1_000, destination=Place(lat=lat, lon=lon))
    there = [(n * 10, -800.0 + n * 100.0) for n in range(8)]
    loading = [(80 + n * 10, 0.0) for n in range(12)]
    across = [(200 + n * 10, min(80.0, n * 20.0)) for n in range(20)]
    points = [
        east_of_origin(truck_id, began_at_ms + second * 1_000, east_m, n)
        for n, (second, east_m) in enumerate([*there, *loading, *across])
    ]
    trucks.put(points[: len(there) + len(loading)])
    eventually(lambda: trucks.status(delivery) is Status.AT_PICKUP)
    picked_up = driver.declare(delivery, "picked_up")
    trucks.put(points[len(there) + len(loading) :])
    trucks.wait_for_all(points)
    done = driver.declare(delivery, "delivered")

    assert (picked_up.status, done.status) == (201, 201), (picked_up.text, done.text)
    assert trucks.status(delivery) is Status.DELIVERED


def test_one_wrong_time_in_a_request_shifts_only_its_point_however_often_it_is_sent(
    trucks: StreamTrucks,
) -> None:
    truck_id, sent_at_ms = new_truck(), now_ms() // 1_000 * 1_000
    driver = Driver(trucks, truck_id)
    recorded_at_ms = [sent_at_ms - (10 - n) * 10_000 for n in range(10)]
    recorded_at_ms[4] += HOURS_AHEAD * HOUR_MS

    first = driver.upload(recorded_at_ms)
    eventually(lambda: len(trucks.documents(truck_id)) == 10)
    event_at_ms = event_times(trucks, truck_id)
    again = driver.upload(recorded_at_ms)
    fresh = driver.upload([sent_at_ms], first_seq=10)
    # The truck's records are processed in order: by then the repeated ones have been.
    eventually(lambda: 10 in event_times(trucks, truck_id))
    fixes = event_times(trucks, truck_id)

    assert (first.status, again.status, fresh.status) == (202, 202, 202)
    assert len(trucks.stores.history([truck_id])) == 11
    assert {n: fixes[n] for n in range(10)} == event_at_ms
    for response in (first, again):
        assert response.json["accepted"] == 10
        assert [one["index"] for one in response.json["adjusted"]] == [4]
    assert [fixes[n] for n in range(10) if n != 4] == [
        at_ms for n, at_ms in enumerate(recorded_at_ms) if n != 4
    ]
    assert abs(fixes[4] - sent_at_ms) < HOUR_MS
