"""Showing dispatchers the fleet: what each is sent, when, and what ends it."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import msgspec
import pytest

from broadcaster.fleet_followers import INTERVAL_S, METRICS, REPEAT_AFTER_S, FleetFollowers
from broadcaster.fleet_parts import LeasedParts
from broadcaster.sender import PostOutcome
from broadcaster.threads import StoreThreads
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.position_store.errors import StoreUnavailable
from rtdts.tracking.fleet_messages import FleetTruck
from rtdts.tracking.fleet_view import FleetFilter, FleetView
from tests.fakes.fake_fleet import FakeFleetLeases
from tests.fakes.pushing_back import PushingBack
from tests.support.blocks import revocation
from tests.support.broadcaster_world import WORLD_VIEW, World
from tests.support.virtual_time import LoopClock, NoThreads, in_virtual_time
from tests.support.waiting import SHORT_DEADLINE_S, other_tasks, until

BUSAN = FleetView(bbox=(128.9, 35.0, 129.3, 35.3), zoom=11, view="busan")


def truck(world: World, truck_id: str, lat: float = 35.1, lon: float = 129.1) -> None:
    now_ms = world.clock.now_ms()
    world.fleet.drives(
        FleetTruck(truck_id=truck_id, lat=lat, lon=lon, at_ms=now_ms, received_at_ms=now_ms)
    )


async def tick(fleet: FleetFollowers) -> None:
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await fleet.tick()
        await other_tasks()


def shown(world: World, connection_id: str) -> list[list[Any]]:
    """The ids of the trucks in each snapshot."""
    return [
        [row[0] for row in message["trucks"]] for message in world.gateway.messages(connection_id)
    ]


async def test_each_dispatcher_sees_the_trucks_of_its_own_view(world: World) -> None:
    truck(world, "T-2")
    truck(world, "T-1")
    truck(world, "T-9", lat=48.1, lon=11.6)
    world.follower("ann", BUSAN)
    world.follower("ben", identity="ben")

    await tick(world.fleet_followers())

    assert shown(world, "ann") == [["T-1", "T-2"]]
    assert shown(world, "ben") == [["T-1", "T-2", "T-9"]]
    (message,) = world.gateway.messages("ann")
    assert (message["view"], message["total"]) == ("busan", 2)


async def test_a_snapshot_is_sent_again_when_a_truck_moves_and_not_while_it_stands(
    world: World,
) -> None:
    truck(world, "T-1")
    world.follower("ann", BUSAN)
    fleet = world.fleet_followers()

    for second in range(3):
        await tick(fleet)
        world.clock.advance(1)
        assert len(world.gateway.messages("ann")) == 1, second
    truck(world, "T-1", lat=35.2)
    await tick(fleet)

    assert [one["trucks"][0][1] for one in world.gateway.messages("ann")] == [35.1, 35.2]


async def test_an_unchanged_snapshot_is_sent_again_after_a_while(world: World) -> None:
    world.follower("ann", BUSAN)
    fleet = world.fleet_followers()
    await tick(fleet)
    world.clock.advance(REPEAT_AFTER_S)
    await tick(fleet)

    first, again = world.gateway.messages("ann")
    assert first["as_of"] < again["as_of"]
    assert first["total"] == again["total"] == 0


async def test_a_new_view_of_a_socket_gets_a_snapshot_even_if_it_shows_the_same(
    world: World,
) -> None:
    world.follower("ann", BUSAN)
    fleet = world.fleet_followers()
    await tick(fleet)
    world.clock.advance(1)
    world.follower("ann", msgspec.structs.replace(BUSAN, view="again"))
    await tick(fleet)

    assert [one["view"] for one in world.gateway.messages("ann")] == ["busan", "again"]


async def test_viewers_of_the_same_area_share_one_query(world: World) -> None:
    for number in range(20):
        named = msgspec.structs.replace(BUSAN, view=f"v{number}")
        world.follower(f"c{number}", named, identity=f"d{number}")

    await tick(world.fleet_followers())

    assert len(world.fleet.requested) == 1
    assert [world.gateway.messages(f"c{n}")[0]["view"] for n in (0, 19)] == ["v0", "v19"]


async def test_without_followers_nothing_is_queried(world: World) -> None:
    await tick(world.fleet_followers())

    assert world.fleet.requested == []


async def test_more_trucks_than_the_limit_are_sent_as_clusters(world: World) -> None:
    for number in range(11):
        truck(world, f"T-{number}", lat=35.1 + number / 1000)
    world.follower("ann", BUSAN)
    world.follower("ben", msgspec.structs.replace(BUSAN, filter=FleetFilter(search="T-1")))

    await tick(world.fleet_followers(max_trucks=10))

    (many,) = world.gateway.messages("ann")
    assert (many["trucks"], many["total"], many["clusters"][0][3]) == ([], 11, 11)
    assert shown(world, "ben") == [["T-1", "T-10"]]


async def test_trucks_that_do_not_fit_into_a_frame_are_sent_as_clusters(world: World) -> None:
    now_ms = world.clock.now_ms()
    for number in range(300):
        name = f"{number:064d}"
        world.fleet.drives(
            FleetTruck(
                truck_id=name,
                lat=35.1,
                lon=129.1,
                at_ms=now_ms,
                received_at_ms=now_ms,
                delivery_id=name,
            )
        )
    world.follower("ann", BUSAN)

    await tick(world.fleet_followers())

    (message,) = world.gateway.messages("ann")
    assert (message["trucks"], message["total"]) == ([], 300)
    assert sum(one[3] for one in message["clusters"]) == 300


@pytest.mark.parametrize("by", ["expiry", "block", "role"])
async def test_a_viewer_with_an_ended_right_is_notified_and_shown_nothing_more(
    world: World, by: str
) -> None:
    truck(world, "T-1")
    ann = world.follower(
        "ann",
        role="customer" if by == "role" else "dispatcher",
        token_expires_in_s=0 if by == "expiry" else 3_600,
    )
    world.follower("ben", identity="ben")
    if by == "block":
        now_ms = world.clock.now_ms()
        world.blocks.block(revocation(f"{ann.role}:ann", now_ms))
    fleet = world.fleet_followers()
    await tick(fleet)
    world.clock.advance(1)
    await tick(fleet)

    assert world.gateway.types("ann") == ["fleet_ended"]
    assert world.gateway.types("ben") == ["fleet"]
    assert world.tracking == {"ben"}
    assert world.gateway.ended == ({"ann"} if by == "block" else set())


def test_fleet_ended_messages_stay_within_the_post_rate() -> None:
    gateway = PushingBack(per_s=20.0, burst=5.0)

    async def main() -> None:
        world = World(clock=LoopClock(), sender=gateway, posts_per_second=20.0)
        world.of_fleet = StoreThreads(NoThreads(), NoThreads())
        for number in range(150):
            world.follower(f"c-{number}", identity=f"d-{number}", token_expires_in_s=0)
        fleet = world.fleet_followers()
        for _ in range(10):
            await fleet.tick()
            await asyncio.sleep(INTERVAL_S)
        await other_tasks()
        assert world.tracking == set()

    in_virtual_time(main)

    assert gateway.over_quota == 0
    assert {len(received) for received in gateway.received_at_s.values()} == {1}


async def test_nothing_is_shown_when_the_token_expires_while_the_fleet_is_read(
    world: World,
) -> None:
    truck(world, "T-1")
    world.follower("ann", token_expires_in_s=1)
    world.fleet.before_count = lambda _: world.clock.advance(1)

    await tick(world.fleet_followers())

    assert world.gateway.types("ann") == ["fleet_ended"]


async def test_nothing_is_shown_when_the_token_is_revoked_while_the_fleet_is_read(
    world: World,
) -> None:
    truck(world, "T-1")
    world.follower("ann")

    def revoke(_: object) -> None:
        world.clock.advance(15)  # within which every container has read it
        now_ms = world.clock.now_ms()
        world.blocks.block(revocation("dispatcher:ann", now_ms))

    world.fleet.before_count = revoke

    await tick(world.fleet_followers())

    assert world.gateway.types("ann") == ["fleet_ended"]


def views(count: int) -> list[FleetView]:
    """That many different views."""
    return [msgspec.structs.replace(BUSAN, zoom=one) for one in range(count)]


async def test_the_queries_of_one_dispatcher_delay_no_other_query(world: World) -> None:
    truck(world, "T-1")
    for number, view in enumerate(views(8)):  # more than there are threads
        world.follower(f"eve-{number}", view, identity="eve")
    responded = threading.Event()
    world.fleet.before_count = lambda view: None if view == WORLD_VIEW else hang(responded)
    fleet = world.fleet_followers()

    try:
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await fleet.tick()
            # Added after all of eve's queries have begun: the order within a tick is arbitrary.
            world.follower("eve-too", identity="eve")
            world.follower("ben", identity="ben")
            await fleet.tick()
            await world.gateway.wait_for_posts(["ben", "eve-too"])
    finally:
        responded.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await other_tasks()

    assert all(world.gateway.types(f"eve-{number}") == ["fleet"] for number in range(8))


async def test_a_view_that_was_left_while_it_waited_is_not_queried(world: World) -> None:
    first, second, third = views(3)
    world.follower("a", first)
    responded = threading.Event()
    world.fleet.before_count = lambda _: hang(responded)
    fleet = world.fleet_followers()
    try:
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await fleet.tick()
            left = world.follower("b", second)
            await fleet.tick()
            world.subscriptions.end(left)
            world.follower("b", third)
            await fleet.tick()
    finally:
        responded.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await other_tasks()

    assert [view.zoom for view in world.fleet.requested] == [first.zoom, third.zoom]


def hang(until_set: threading.Event) -> None:
    assert until_set.wait(SHORT_DEADLINE_S)


async def test_a_connection_with_410_is_removed(world: World) -> None:
    world.follower("ann")
    world.gateway.respond_with("ann", PostOutcome.GONE)

    await tick(world.fleet_followers())

    assert world.tracking == set()


async def test_a_view_replaced_during_a_post_that_returns_410_is_kept(
    world: World,
) -> None:
    before = world.follower("ann")
    world.gateway.respond_with("ann", PostOutcome.GONE)
    later = msgspec.structs.replace(before, subscribed_at_ms=before.subscribed_at_ms + 1)
    world.gateway.before_response = lambda _: world.subscriptions.add(later)

    await tick(world.fleet_followers())

    assert world.tracking == {"ann"}


async def test_a_viewer_that_was_not_reached_gets_the_next_snapshot(world: World) -> None:
    world.follower("ann")
    world.gateway.respond_with("ann", PostOutcome.FAILED, PostOutcome.DELIVERED)
    fleet = world.fleet_followers()
    await tick(fleet)
    world.clock.advance(1)
    await tick(fleet)

    assert world.gateway.types("ann") == ["fleet", "fleet"]


async def test_a_throttled_viewer_is_not_posted_to_during_its_backoff(world: World) -> None:
    world.follower("ann")
    world.gateway.respond_with("ann", PostOutcome.THROTTLED)
    fleet = world.fleet_followers()
    await tick(fleet)
    await tick(fleet)

    assert world.gateway.types("ann") == ["fleet"]
    assert fleet.collect_metrics()["FleetMessagesNotReached"] == 2


async def test_a_slow_viewer_delays_no_other_viewer_and_has_one_post_at_a_time(
    world: World,
) -> None:
    world.follower("slow", identity="slow")
    world.follower("ann")
    release = world.gateway.hold("slow")
    fleet = world.fleet_followers()

    def has_received(connection_id: str, count: int) -> bool:
        return len(world.gateway.payloads[connection_id]) == count

    for second in range(3):
        truck(world, "T-1", lat=35.1 + second)
        await fleet.tick()
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await until(partial(has_received, "ann", second + 1))
        world.clock.advance(1)

    assert len(world.gateway.payloads["slow"]) == 1
    release.set()
    await other_tasks()


async def test_a_view_that_cannot_be_read_affects_no_other_view(world: World) -> None:
    def trouble(view: FleetView) -> None:
        if view == BUSAN:
            raise StoreUnavailable("read the fleet", 503, "unavailable")

    world.fleet.before_count = trouble
    world.follower("ann", BUSAN)
    world.follower("ben", identity="ben")
    fleet = world.fleet_followers()
    await tick(fleet)

    assert world.gateway.types("ann") == []
    assert world.gateway.types("ben") == ["fleet"]
    assert fleet.collect_metrics()["FleetSnapshotsFailed"] == 1
    assert "fleet_not_read" in world.logged


async def test_an_expensive_view_is_queried_less_often(world: World) -> None:
    world.fleet.before_count = lambda _: world.clock.advance(0.5)
    world.follower("ann")
    fleet = world.fleet_followers()
    for _ in range(10):
        await tick(fleet)
        world.clock.advance(1)

    assert len(world.fleet.requested) == 2  # 0.5 s of work in 5 s


async def test_it_keeps_running_when_followers_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.follower("ann")
    read = world.subscriptions.of_topic
    reads: list[str] = []

    def broken_once(topic: str) -> list[Subscription]:
        reads.append(topic)
        if len(reads) == 1:
            raise OSError("throttled")
        return read(topic)

    monkeypatch.setattr(world.subscriptions, "of_topic", broken_once)
    running = asyncio.create_task(world.fleet_followers().run())
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await world.gateway.wait_for_posts(["ann"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert "fleet_followers_not_read" in world.logged


async def test_several_broadcasters_show_each_view_once(world: World) -> None:
    for number in range(30):
        view = FleetView(bbox=(number, 0, number + 1, 1), zoom=9)
        world.follower(f"c{number}", view, identity=f"d{number}")
    here = FakeFleetLeases("here")
    there = FakeFleetLeases("there", here)
    two = [
        world.fleet_followers(
            LeasedParts(one, world.of_fleet.tables, log=world.log, now_ms=world.clock.now_ms)
        )
        for one in (here, there)
    ]
    for fleet in two:
        await tick(fleet)

    assert {len(world.gateway.messages(f"c{number}")) for number in range(30)} == {1}


async def test_exactly_the_declared_metrics_are_collected_and_then_reset(world: World) -> None:
    world.follower("ann")
    fleet = world.fleet_followers()
    await tick(fleet)
    first, second = fleet.collect_metrics(), fleet.collect_metrics()

    assert set(first) == {metric.name for metric in METRICS}
    assert (first["FleetViewers"], first["FleetMessagesDelivered"]) == (1, 1)
    assert set(second.values()) == {0}


def test_the_world_view_has_precision_3() -> None:
    assert WORLD_VIEW.precision == 3
