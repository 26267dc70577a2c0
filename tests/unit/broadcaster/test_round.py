from __future__ import annotations

import asyncio
from typing import cast

import msgspec

from broadcaster.round_source import RoundBatch
from broadcaster.sender import PostOutcome
from rtdts.tracking.deliveries import Status
from rtdts.tracking.delivery_buckets import delivery_bucket
from rtdts.tracking.visibility import EnRoute
from tests.support.broadcaster_world import World
from tests.support.waiting import SHORT_DEADLINE_S


async def test_each_viewer_is_notified_of_what_it_tracks_and_of_nothing_else(world: World) -> None:
    world.truck("T-1")
    world.truck("T-2")
    world.delivery("D-1", customer_id="C-1", truck_id="T-1")
    world.delivery("D-2", customer_id="C-2", truck_id="T-2")
    world.viewer("a", "D-1", identity="C-1")
    world.viewer("b", "D-2", identity="C-2")
    world.viewer("both", "D-1", role="dispatcher", identity="x")
    world.viewer("both", "D-2", role="dispatcher", identity="x")

    report = await world.run_round()

    assert [one["delivery_id"] for one in world.gateway.messages("a")] == ["D-1"]
    assert [one["delivery_id"] for one in world.gateway.messages("b")] == ["D-2"]
    assert sorted(one["delivery_id"] for one in world.gateway.messages("both")) == ["D-1", "D-2"]
    assert world.gateway.messages("a")[0]["position"]["age_s"] == 5
    assert (report.due, report.delivered, report.deliveries) == (4, 4, 2)
    assert report.not_reached == 0


async def test_a_delivered_delivery_shows_its_trucks_last_position_before_the_end(
    world: World,
) -> None:
    world.closed("D-1", truck_id="T-1", ago_s=120)
    world.delivery("D-2", truck_id="T-1")
    world.viewer("a", "D-1")
    world.viewer("b", "D-2")

    await world.run_round()

    (there,) = world.gateway.messages("a")
    assert there["position"]["age_s"] == 130, "the last one before it was delivered, not the latest"
    assert (there["distance_remaining_m"], there["eta"]) == (None, None)
    assert world.gateway.messages("b")[0]["position"]["age_s"] == 5


async def test_deliveries_under_way_show_positions_while_the_history_is_unavailable(
    world: World,
) -> None:
    world.closed("D-1", truck_id="T-1", ago_s=120)
    world.delivery("D-2", truck_id="T-1")
    world.viewer("a", "D-1")
    world.viewer("b", "D-2")

    def fail() -> None:
        raise OSError("the history is unavailable")

    world.positions.before_last = fail
    report = await world.run_round()

    assert report.delivered == 2
    assert world.gateway.messages("a")[0]["position"] is None
    assert world.gateway.messages("b")[0]["position"]["age_s"] == 5
    assert "positions_unavailable" in world.logged


async def two_stops(world: World) -> None:
    """D-1 and D-2 on T-1, D-1 first; with a customer of each, and a dispatcher."""
    world.truck("T-1")
    world.delivery("D-1")
    world.delivery("D-2", customer_id="C-2")
    world.change("D-2", created_at_ms=world.row("D-1").created_at_ms + 1)
    world.viewer("first", "D-1")
    world.viewer("second", "D-2", identity="C-2")
    world.viewer("desk", "D-2", role="dispatcher", identity="x")


def positions_of(world: World, connection_id: str) -> list[bool]:
    return [one["position"] is not None for one in world.gateway.messages(connection_id)]


async def test_the_customer_of_a_later_stop_receives_the_status_without_a_position(
    world: World,
) -> None:
    await two_stops(world)

    await world.run_round()

    assert positions_of(world, "first") == [True]
    assert positions_of(world, "second") == [False]
    assert positions_of(world, "desk") == [True]
    assert world.gateway.messages("second")[0]["distance_remaining_m"] is None


async def test_the_next_customer_sees_the_truck_once_it_has_left_the_stop_before(
    world: World,
) -> None:
    await two_stops(world)
    now_ms = world.clock.now_ms()
    world.change("D-1", status=Status.DELIVERED, closed_at_ms=now_ms, updated_at_ms=now_ms)
    world.stops.changed_at_ms["T-1"] = now_ms

    await world.run_round()
    world.clock.advance(60)
    world.truck("T-1")
    await world.run_round()

    assert positions_of(world, "second") == [False, True]


async def test_a_stop_that_is_put_before_another_while_a_chunk_is_read_hides_the_truck(
    world: World,
) -> None:
    await two_stops(world)
    world.change("D-1", created_at_ms=world.row("D-2").created_at_ms + 1)

    def put_before() -> None:
        world.stops.before_read = lambda: None
        world.clock.advance(1.5)  # so the chunk is read again
        world.positions.before_read = lambda: None
        world.change("D-1", stop_sequence=1)

    world.stops.before_read = put_before
    await world.run_round()

    assert positions_of(world, "second") == [False]
    assert len(world.stops.reads) == 2


async def test_while_the_stops_before_are_unknown_only_the_status_is_sent(world: World) -> None:
    await two_stops(world)

    def fail() -> None:
        raise OSError("the table is unavailable")

    world.stops.before_read = fail
    report = await world.run_round()

    assert report.delivered == 3
    assert positions_of(world, "first") == positions_of(world, "second") == [False]
    assert positions_of(world, "desk") == [True]
    assert "stops_unavailable" in world.logged


async def test_the_stops_before_are_read_only_if_they_decide_what_is_shown(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.change("D-1", visibility=EnRoute())
    world.delivery("D-2", truck_id="T-2", status=Status.ASSIGNED)
    for connection_id, delivery_id in (("a", "D-1"), ("b", "D-2")):
        world.viewer(connection_id, delivery_id)

    await world.run_round()

    assert world.stops.reads == []
    assert positions_of(world, "a") == [True]


async def test_a_connection_with_410_is_removed_and_does_not_end_the_round(world: World) -> None:
    for number in range(20):
        world.delivery(f"D-{number}")
        world.viewer(f"conn-{number}", f"D-{number}")
        if number % 3 == 0:
            world.gateway.respond_with(f"conn-{number}", PostOutcome.GONE)

    report = await world.run_round(chunk_size=4)

    assert (report.due, report.gone, report.delivered) == (20, 7, 13)
    assert world.tracking == {f"conn-{number}" for number in range(20) if number % 3}


async def test_a_viewer_keeps_its_subscription_after_a_failed_post(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.FAILED)

    report = await world.run_round()

    assert report.failed == report.not_reached == 1
    assert world.tracking == {"a"}


async def test_a_delivery_given_to_another_customer_between_rounds_ends_for_the_old_one(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1", customer_id="C-1")
    world.viewer("old", "D-1", identity="C-1")
    await world.run_round()
    world.change("D-1", customer_id="C-2")
    world.viewer("new", "D-1", identity="C-2")

    report = await world.run_round()
    await world.run_round()

    assert world.gateway.types("old") == ["position", "ended"]
    assert world.gateway.messages("old")[1]["reason"] == "no_longer_yours"
    assert world.gateway.types("new") == ["position", "position"]
    assert report.ended == 1
    assert world.tracking == {"new"}


async def test_a_delivery_given_to_another_customer_during_a_round_is_not_shown(
    world: World,
) -> None:
    world.truck("T-1")
    first, second = sorted_by_bucket("D-1", "D-2")
    for delivery_id in (first, second):
        world.delivery(delivery_id, customer_id="C-1")
        world.viewer(f"of-{delivery_id}", delivery_id, identity="C-1")
    release = world.gateway.hold(f"of-{first}")

    # One slot: the second viewer's turn comes when the first post has its response.
    holding = asyncio.create_task(world.run_round(slots=1, chunk_size=1))
    await world.gateway.wait_for_posts([f"of-{first}"])
    world.change(second, customer_id="C-2")
    release.set()
    await holding

    assert world.gateway.types(f"of-{first}") == ["position"]
    assert world.gateway.types(f"of-{second}") == ["ended"]


async def test_a_delivery_given_to_another_customer_during_a_slow_read_is_not_shown(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1", customer_id="C-1")
    world.viewer("a", "D-1", identity="C-1")

    def slow_read() -> None:
        world.clock.advance(1.5)
        world.change("D-1", customer_id="C-2")

    world.positions.before_read = slow_read

    await world.run_round()

    assert world.gateway.types("a") == ["ended"]
    assert len(world.deliveries.reads) == 2


async def test_a_delivery_given_to_another_customer_during_a_slow_connect_is_not_shown(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("a", "D-1")
    slow = iter([2.5])

    def connect(_connection_id: str) -> None:
        if (delay_s := next(slow, 0.0)) > 0:
            world.clock.advance(delay_s)
            world.change("D-1", customer_id="C-2")

    world.gateway.while_connecting = connect
    report = await world.run_round()

    assert world.gateway.types("a") == ["ended"]
    assert world.gateway.messages("a")[0]["reason"] == "no_longer_yours"
    assert report.not_reached == 0


async def test_connections_that_are_never_made_in_time_are_left_to_the_next_round(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("a", "D-1")
    world.gateway.while_connecting = lambda _: world.clock.advance(2.5)
    report = await world.run_round()

    assert world.gateway.types("a") == []
    assert report.not_reached == 1
    assert world.tracking == {"a"}


async def test_nothing_is_posted_when_rights_cannot_be_read_in_time(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")
    world.deliveries.before_read = lambda: world.clock.advance(2.5)

    report = await world.run_round()

    assert world.gateway.messages("a") == []
    assert report.right_too_old == report.not_reached == 1
    assert report.read_nothing


async def test_a_slow_post_delays_no_other_viewer(world: World) -> None:
    for number in range(30):
        world.delivery(f"D-{number}")
        world.viewer(f"conn-{number}", f"D-{number}")
    release = world.gateway.hold("conn-7")

    # Fewer slots than viewers: the slow viewer occupies one, and its chunk delays no other viewer.
    holding = asyncio.create_task(world.run_round(slots=6, chunk_size=5))
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await world.gateway.wait_for_posts(f"conn-{number}" for number in range(30))
    assert not holding.done()
    release.set()
    report = await holding

    assert report.delivered == 30


async def test_only_the_throttled_connection_is_skipped_during_its_backoff(world: World) -> None:
    for name in ("slow", "fast"):
        world.delivery(f"D-{name}")
        world.viewer(name, f"D-{name}")
    world.gateway.respond_with("slow", PostOutcome.THROTTLED, PostOutcome.DELIVERED)

    throttled = await world.run_round()
    backed_off = await world.run_round()
    world.clock.advance(0.5)
    responded = await world.run_round()

    assert (throttled.throttled, throttled.delivered) == (1, 1)
    assert (backed_off.backed_off, backed_off.delivered) == (1, 1)
    assert (responded.backed_off, responded.delivered) == (0, 2)
    assert len(world.gateway.messages("slow")) == 2
    assert len(world.gateway.messages("fast")) == 3
    assert world.tracking == {"slow", "fast"}


async def test_after_a_transfer_the_old_trucks_position_is_shown_to_no_viewer(world: World) -> None:
    world.truck("T-1")
    world.truck("T-2", age_s=30)  # from before the transfer
    world.delivery("D-1", truck_id="T-1")
    world.viewer("a", "D-1")
    world.viewer("b", "D-1", role="dispatcher")
    world.transfer("D-1", "T-2")

    await world.run_round()
    world.clock.advance(10)
    world.truck("T-2", age_s=3)
    await world.run_round()

    for connection_id in ("a", "b"):
        before, after = world.gateway.messages(connection_id)
        assert (before["assignment"], before["position"]) == (2, None)
        assert (after["assignment"], after["position"]["age_s"]) == (2, 3)


async def test_a_transfer_between_reading_the_delivery_and_the_position_shows_no_position(
    world: World,
) -> None:
    world.truck("T-1")
    world.truck("T-2", age_s=0)
    world.delivery("D-1", truck_id="T-1")
    world.viewer("a", "D-1")

    def slow_read() -> None:
        world.clock.advance(1.5)
        world.transfer("D-1", "T-2")
        world.positions.before_read = lambda: None

    world.positions.before_read = slow_read

    await world.run_round()

    (message,) = world.gateway.messages("a")
    assert message["assignment"] == 2
    assert message["position"] is None


async def test_while_assigned_a_customer_sees_only_the_status_and_a_dispatcher_also_the_truck(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1", status=Status.ASSIGNED, version=1)
    world.viewer("customer", "D-1")
    world.viewer("dispatcher", "D-1", role="dispatcher", identity="x")

    await world.run_round()

    assert world.gateway.messages("customer")[0]["status"] == "assigned"
    assert world.gateway.messages("customer")[0]["position"] is None
    assert world.gateway.messages("dispatcher")[0]["position"] is not None


async def test_a_message_is_encoded_once_per_delivery_however_many_viewers_it_has(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    for number in range(10):
        world.viewer(f"conn-{number}", "D-1")

    await world.run_round()

    payloads = {id(world.gateway.payloads[f"conn-{number}"][0]) for number in range(10)}
    assert len(payloads) == 1


async def test_an_ending_that_was_not_delivered_is_sent_again(world: World) -> None:
    world.delivery("D-1", status=Status.CANCELLED)
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.FAILED, PostOutcome.DELIVERED)

    await world.run_round()
    assert world.tracking == {"a"}
    await world.run_round()

    assert world.gateway.types("a") == ["ended", "ended"]
    assert world.tracking == set()


async def test_an_expired_token_ends_each_of_its_subscriptions(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1", token_expires_in_s=60)
    await world.run_round()
    world.clock.advance(60)

    await world.run_round()

    assert world.gateway.messages("a")[1]["reason"] == "token_expired"
    assert world.tracking == set()


async def test_without_positions_the_status_is_still_pushed(world: World) -> None:
    def fail() -> None:
        raise OSError("OpenSearch is unavailable")

    world.positions.before_read = fail
    world.delivery("D-1")
    world.viewer("a", "D-1")

    report = await world.run_round()

    assert world.gateway.messages("a")[0]["status"] == "in_transit"
    assert world.gateway.messages("a")[0]["position"] is None
    assert report.trucks_unknown == 1
    assert "positions_unavailable" in world.logged


async def test_deliveries_that_cant_be_read_affect_only_their_own_chunk(world: World) -> None:
    for number in range(4):
        world.delivery(f"D-{number}")
        world.viewer(f"conn-{number}", f"D-{number}")
    failures = iter([True])

    def fail_once() -> None:
        if next(failures, False):
            raise OSError("throttled")

    world.deliveries.before_read = fail_once

    report = await world.run_round(chunk_size=1)

    assert (report.due, report.unread, report.delivered) == (4, 1, 3)
    assert not report.read_nothing


async def test_a_row_that_cant_be_read_ends_no_subscription(world: World) -> None:
    for number in (1, 2):
        world.delivery(f"D-{number}")
        world.viewer(f"conn-{number}", f"D-{number}")
    world.deliveries.unreadable.add("D-1")

    report = await world.run_round()

    assert (report.delivered, report.failed) == (1, 1)
    assert world.gateway.messages("conn-1") == []
    assert world.tracking == {"conn-1", "conn-2"}

    world.deliveries.unreadable.clear()
    report = await world.run_round()

    assert report.delivered == 2


async def test_data_that_cant_be_encoded_affects_only_its_own_viewers(
    world: World,
) -> None:
    for truck_id in ("T-1", "T-2"):
        latest = world.truck(truck_id)
    bad = msgspec.structs.replace(latest.newest, recorded_at_ms=10**18)
    world.positions.trucks["T-2"] = msgspec.structs.replace(latest, shown=bad)
    world.delivery("D-1", truck_id="T-1")
    world.delivery("D-2", truck_id="T-2")
    world.viewer("a", "D-1")
    world.viewer("b", "D-2")

    report = await world.run_round()

    assert (report.delivered, report.failed) == (1, 1)
    assert world.gateway.types("a") == ["position"]
    assert "push_failed" in world.logged


async def test_a_right_that_cannot_be_decided_affects_only_its_own_viewer(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")
    odd = msgspec.structs.replace(
        world.viewer("b", "D-1"),
        token_expires_at_ms=cast("int", "tomorrow"),
    )
    world.subscriptions.add(odd)

    report = await world.run_round()

    assert (report.delivered, report.failed) == (1, 1)
    assert world.gateway.types("a") == ["position"]
    assert world.gateway.types("b") == []
    assert "push_failed" in world.logged


async def test_a_bucket_that_cant_be_read_affects_only_its_own_viewers(world: World) -> None:
    first, second = sorted_by_bucket("D-1", "D-2")
    for delivery_id in (first, second):
        world.delivery(delivery_id)
        world.viewer(f"of-{delivery_id}", delivery_id)
    world.subscriptions.broken_buckets = {bucket_of(first)}

    report = await world.run_round()

    assert (report.due, report.delivered, report.buckets_unread) == (1, 1, 1)


async def test_a_round_that_can_read_nothing_reports_it(world: World) -> None:
    world.subscriptions.broken_buckets = set(range(256))

    report = await world.run_round()

    assert report.read_nothing
    assert report.buckets_unread == 256


async def test_a_round_without_viewers_does_not_count_as_one_that_could_read_nothing(
    world: World,
) -> None:
    report = await world.run_round()

    assert report.due == 0
    assert not report.read_nothing


async def test_slots_are_given_back_whatever_happens(world: World) -> None:
    for number in range(6):
        world.delivery(f"D-{number}")
        world.viewer(f"conn-{number}", f"D-{number}")
    world.gateway.respond_with("conn-0", PostOutcome.GONE)
    world.gateway.respond_with("conn-1", PostOutcome.FAILED)

    def fail() -> None:
        raise OSError("throttled")

    round_ = world.round(slots=2, chunk_size=2)
    world.deliveries.before_read = fail
    await round_.run(RoundBatch(0, range(256)))
    world.deliveries.before_read = lambda: world.clock.advance(2.5)
    await round_.run(RoundBatch(0, range(256)))
    world.deliveries.before_read = lambda: None
    async with asyncio.timeout(SHORT_DEADLINE_S):
        report = await round_.run(RoundBatch(0, range(256)))

    assert (report.delivered, report.gone, report.failed) == (4, 1, 1)


def bucket_of(delivery_id: str) -> int:
    return delivery_bucket(delivery_id)


def sorted_by_bucket(*delivery_ids: str) -> list[str]:
    return sorted(delivery_ids, key=bucket_of)
