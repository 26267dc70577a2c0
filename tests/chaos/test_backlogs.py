"""Backlogs as devices send them after a silence: many points, late, in any order.

All points' times lie in the past, so a test takes less time than its points cover.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.deliveries import Status
from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.chaos.conftest import PrintLine
from tests.support.consumer_world import ORIGIN, STATUSES
from tests.support.http_client import ApiClient
from tests.support.parts import CHILD, deaths_of, held_down, processes_of, reported
from tests.support.stream_trucks import StreamTrucks, east_of_origin, new_truck
from tests.support.viewer_client import Viewer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

HOUR_MS = 3_600_000
MAY_WAIT_S = 60.0
"""How long another truck's point may take: some seconds, or more on a shared machine."""
EVENTS_PER_SETTLING = 6
"""The most events that a settling may append to a log, in addition to the statuses."""


@pytest.fixture
def trucks(local_cloud: LaunchedCloud) -> StreamTrucks:
    return StreamTrucks(local_cloud)


def trip(truck_id: str, began_at_ms: int, every_s: float, count: int) -> list[Point]:
    """To the origin, a wait, the drive, and a wait at the destination, 4 km away."""

    def east_m(share: float) -> float:
        if share < 0.1:
            return -800.0 + share * 8_000.0
        if share < 0.25:
            return share * 20.0
        if share < 0.8:
            return 5.0 + (share - 0.25) / 0.55 * 3_990.0
        return 3_995.0 + share * 5.0

    return [
        east_of_origin(truck_id, began_at_ms + round(n * every_s * 1_000), east_m(n / count), n)
        for n in range(count)
    ]


def test_a_backlog_newest_first_delays_no_other_truck(
    trucks: StreamTrucks, print_line: PrintLine
) -> None:
    cloud = trucks.cloud
    began_at_ms = (now_ms() - HOUR_MS) // 1_000 * 1_000
    truck_id, neighbours = new_truck(), [new_truck() for _ in range(8)]
    delivery = trucks.deliver(truck_id, began_at_ms - 60_000)
    points = trip(truck_id, began_at_ms, 30.0, 60)
    beside = [[east_of_origin(one, now_ms(), 5.0 * n, n) for n in range(10)] for one in neighbours]
    deaths = deaths_of(cloud, "consumer")
    with held_down(cloud, "consumer"):
        trucks.put(*[[one] for one in reversed(points)], *beside)
        back_ms = now_ms()
    ready = eventually(
        lambda: reported(cloud, "consumer", "record_processor_ready", since_ms=back_ms)
    )
    waited_s = trucks.wait_for_all([one for of in beside for one in of])
    print_line(f"other trucks' points were stored {waited_s:.1f} s after the consumer's return")
    processes = [*processes_of(cloud, "consumer"), *processes_of(cloud, CHILD)]
    trucks.wait_for_all(points)
    eventually(lambda: trucks.status(delivery) is Status.ARRIVED)
    eventually(lambda: trucks.is_settled(truck_id))

    assert ready
    assert waited_s < MAY_WAIT_S
    assert [*processes_of(cloud, "consumer"), *processes_of(cloud, CHILD)] == processes
    assert deaths_of(cloud, "consumer") == deaths + 1  # the one that was requested
    assert not reported(cloud, "consumer", "state_conflict", since_ms=back_ms)
    assert not reported(cloud, "consumer", "batch_failed", since_ms=back_ms)
    trucks.assert_log_is_right(delivery, points)
    assert trucks.latest(truck_id).newest.point_id == point_id(points[-1])


def test_an_hour_of_one_point_per_second_newest_chunk_first_is_settled(
    trucks: StreamTrucks, print_line: PrintLine
) -> None:
    began_at_ms = (now_ms() - 2 * HOUR_MS) // 1_000 * 1_000
    truck_id = new_truck()
    delivery = trucks.deliver(truck_id, began_at_ms - 60_000)
    points = trip(truck_id, began_at_ms, 1.0, 3_600)
    chunks = [points[start : start + 100] for start in range(0, len(points), 100)]
    put_ms, began_s = now_ms(), time.monotonic()
    trucks.put(*reversed(chunks))
    in_history_s = trucks.wait_for_all(points)
    eventually(lambda: trucks.status(delivery) is Status.ARRIVED)
    arrived_s = time.monotonic() - began_s
    eventually(lambda: trucks.is_settled(truck_id))
    settled_s = time.monotonic() - began_s
    settlings = len(reported(trucks.cloud, "consumer", "settled", since_ms=put_ms))
    log = trucks.events(delivery)
    print_line(
        f"in the history after {in_history_s:.1f} s, arrived after {arrived_s:.1f} s, "
        f"settled after {settled_s:.1f} s; {settlings} settlings, {len(log)} events"
    )

    assert len(log) <= len(STATUSES) + EVENTS_PER_SETTLING * settlings
    trucks.assert_log_is_right(delivery, points)
    latest = trucks.latest(truck_id)
    assert latest.newest.point_id == point_id(points[-1])
    assert latest.shown is not None
    assert latest.shown.point_id == point_id(points[-1])
    assert latest.stale_since_ms is None
    assert trucks.documents(truck_id) == {point_id(one) for one in points}


ELSEWHERE_M = 140.0
"""How far east a truck was while another carried its delivery."""


def test_a_trucks_points_from_while_another_carried_the_delivery_are_never_shown(
    trucks: StreamTrucks, print_line: PrintLine
) -> None:
    environment = trucks.cloud.environment
    api, tokens = ApiClient(environment.server_url), TokenClient.of(environment)
    first, second, customer = new_truck(), new_truck(), f"C-{uuid.uuid4().hex[:8]}"
    delivery_id = f"D-{uuid.uuid4().hex[:10]}"
    dispatcher = tokens.token("dispatcher", "ann")
    numbers = iter(range(1_000))

    def assign(truck_id: str) -> int:
        plan = {
            "truck_id": truck_id,
            "customer_id": customer,
            "origin": {"lat": ORIGIN.lat, "lon": ORIGIN.lon},
            "destination": {"lat": ORIGIN.lat + 0.05, "lon": ORIGIN.lon},
        }
        done = api("PUT", f"/deliveries/{delivery_id}", token=dispatcher, body=plan)
        assert done.status in (200, 201), done.text
        return now_ms()

    def at(truck_id: str, at_ms: int, east_m: float) -> Point:
        return east_of_origin(truck_id, at_ms, east_m, next(numbers))

    def shown(viewer: Viewer, of: Point) -> None:
        expected = format_instant(of.recorded_at_ms)
        viewer.wait_for(lambda m: (m.get("position") or {}).get("recorded_at") == expected)

    assign(first)
    declared = api(
        "POST",
        f"/deliveries/{delivery_id}/events",
        token=dispatcher,
        body={"type": "picked_up"},
        headers={"Idempotency-Key": "k"},
    )
    assert declared.status == 201, declared.text
    token, messages = tokens.token("customer", customer), list[dict[str, Any]]()
    with Viewer(environment.websocket_url, token=token) as viewer:
        viewer.track(delivery_id)
        viewer.wait_for_type("snapshot")
        opening = at(first, now_ms(), 100.0)
        trucks.put([opening])
        shown(viewer, opening)
        left_ms = assign(second)
        between = at(second, now_ms(), -200.0)
        trucks.put([between])
        shown(viewer, between)
        back_ms = assign(first)
        viewer.wait_for(lambda m: m.get("assignment") == 3)
        # Its backlog: points from while the other truck carried the delivery, and none later yet.
        step_ms = (back_ms - left_ms) // 20
        while_away = [at(first, left_ms + step_ms * n, ELSEWHERE_M) for n in range(1, 18)]
        trucks.put(while_away[-3:], *[[one] for one in reversed(while_away[:-3])])
        trucks.wait_for_all(while_away)
        eventually(lambda: trucks.is_settled(first))
        snapshots = []
        closing = at(first, now_ms(), 120.0)
        for then in (closing, None):
            with Viewer(environment.websocket_url, token=token) as other:
                other.track(delivery_id)
                snapshots.append(other.wait_for_type("snapshot"))
                if then is not None:
                    trucks.put([then])
                    shown(other, then)
                messages += other.messages
            trucks.wait_for_all([closing])
        shown(viewer, closing)
        messages += viewer.messages

    kept = {identity: one.fix for _, identity, one in trucks.stores.history([first])}
    assert all(kept[point_id(one)].is_good for one in while_away), (
        "none may be hidden because of its quality"
    )
    hidden_lon = while_away[0].lon
    places = [m["position"]["lon"] for m in messages if m.get("position")]
    tracks = [lon for m in messages for _, lon, _ in m.get("track") or ()]
    print_line(f"{len(messages)} messages, {len(places)} positions, {len(tracks)} places of tracks")
    assert len(places) >= 3
    assert all(abs(lon - hidden_lon) > 1e-4 for lon in (*places, *tracks))
    assert [one["assignment"] for one in snapshots] == [3, 3]
    assert len(tracks) >= 1


DELIVERIES = 150


def test_a_truck_that_leaves_with_many_deliveries_delays_no_other_truck(
    trucks: StreamTrucks, print_line: PrintLine
) -> None:
    began_at_ms = (now_ms() - HOUR_MS) // 1_000 * 1_000
    truck_id = new_truck()
    shard_id = trucks.shard_of(truck_id)
    other = next(one for one in iter(new_truck, "") if trucks.shard_of(one) == shard_id)
    deliveries = [trucks.deliver(truck_id, began_at_ms - 60_000) for _ in range(DELIVERIES)]
    points = trip(truck_id, began_at_ms, 30.0, 60)
    leaving = points[: next(n for n, one in enumerate(points) if n > 20)]
    waits_s: list[float] = []

    def beside() -> Iterator[Point]:
        n = 0
        while True:
            yield east_of_origin(other, now_ms(), 10.0 * n, n)
            n += 1

    points_beside = beside()
    began_s = time.monotonic()
    for n in range(0, len(leaving), 3):
        trucks.put(leaving[n : n + 3])
        one = next(points_beside)
        trucks.put([one])
        waits_s.append(trucks.wait_for_all([one]))
    while any(trucks.status(each) is not Status.IN_TRANSIT for each in deliveries):
        one = next(points_beside)
        trucks.put([one])
        waits_s.append(trucks.wait_for_all([one]))
        assert time.monotonic() - began_s < 300
    print_line(
        f"{DELIVERIES} deliveries left in {time.monotonic() - began_s:.1f} s; "
        f"another truck's {len(waits_s)} points waited {max(waits_s):.1f} s at the most"
    )

    assert max(waits_s) < MAY_WAIT_S
    for delivery in (deliveries[0], deliveries[-1]):
        trucks.assert_log_is_right(delivery, leaving)
