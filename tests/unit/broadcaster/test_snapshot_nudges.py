"""What a snapshot contains, and for which viewer."""

from __future__ import annotations

import threading
from collections.abc import Callable

from broadcaster.threads import P, R, StoreThreads, Threads
from rtdts.push_queue.nudges import SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.positions import TrackPoint
from tests.support.broadcaster_world import World
from tests.support.nudging import HANGS_S, SOON_S, handle


async def test_a_new_customer_sees_nothing_from_the_former_customers_time(world: World) -> None:
    """Neither events nor the track, even if a viewer requests the snapshot again."""
    given_at_ms = world.clock.now_ms() - 60_000
    world.truck("T-1")
    world.positions.tracks["T-1"] = [
        TrackPoint(35.0, 129.0, at_ms) for at_ms in (given_at_ms - 1, given_at_ms)
    ]
    world.delivery("D-1", customer_id="C-2", version=5)
    for version in (4, 5):
        world.event("D-1", version, Status.IN_TRANSIT, Cause.CORRECTED)
    world.change("D-1", customer_since_ms=given_at_ms, customer_since_version=5)
    world.viewer("new", "D-1", identity="C-2")
    world.viewer("desk", "D-1", role="dispatcher", identity="x")

    for connection_id in ("new", "desk"):
        await handle(
            world,
            SnapshotNudge(delivery_id="D-1", connection_id=connection_id, request_id="r"),
        )
    await handle(world, TransitionNudge(delivery_id="D-1", version=4))

    assert world.gateway.types("new") == ["snapshot"], "the earlier status is not sent"
    (theirs,), (all_of_it, *_) = (world.gateway.messages(one) for one in ("new", "desk"))
    assert [one[2] for one in theirs["track"]] == [given_at_ms]
    assert [one["version"] for one in theirs["events"]] == [5]
    assert len(all_of_it["track"]) == len(all_of_it["events"]) == 2


async def test_a_snapshot_of_a_stop_that_is_not_next_shows_only_the_status(world: World) -> None:
    world.truck("T-1")
    world.positions.tracks["T-1"] = [TrackPoint(35.0, 129.0, world.clock.now_ms())]
    world.delivery("D-1", version=5)
    world.delivery("D-2", version=5)
    world.change("D-2", created_at_ms=world.row("D-1").created_at_ms - 1)
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert snapshot["status"] == "in_transit"
    assert (snapshot["position"], snapshot["track"], snapshot["eta"]) == (None, [], None)


async def test_a_snapshot_goes_to_its_requester_with_the_track_of_this_assignment(
    world: World,
) -> None:
    world.truck("T-2", age_s=0)
    now_ms = world.clock.now_ms()
    row = world.delivery("D-1", truck_id="T-1", version=2)
    world.event("D-1", 1, Status.ASSIGNED, Cause.ASSIGNED)
    world.event("D-1", 2, Status.IN_TRANSIT, Cause.DECLARED)
    world.transfer("D-1", "T-2")
    world.event("D-1", 3, Status.IN_TRANSIT, Cause.TRANSFERRED)
    world.positions.tracks["T-2"] = [
        TrackPoint(lat=35.0, lon=129.0, event_at_ms=now_ms - 1),
        TrackPoint(lat=35.1, lon=129.0, event_at_ms=now_ms),
    ]
    world.viewer("a", "D-1")
    world.viewer("b", "D-1")

    await handle(
        world,
        SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r", since_version=1),
    )

    (snapshot,) = world.gateway.messages("a")
    assert snapshot["type"] == "snapshot"
    assert [one["version"] for one in snapshot["events"]] == [2, 3]
    assert snapshot["track"] == [[35.1, 129.0, now_ms]]
    assert snapshot["assignment"] == row.assignment + 1
    assert snapshot["position"] is not None
    assert world.gateway.messages("b") == []
    assert world.subscriptions.deliveries_read == []  # a delivery may have thousands of viewers


async def test_repeated_requests_of_a_viewer_get_only_the_snapshot_of_the_latest(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1", version=2)
    world.event("D-1", 2, Status.IN_TRANSIT, Cause.DECLARED)
    latest = world.viewer("a", "D-1").subscribed_at_ms
    reads: list[str] = []
    world.positions.before_track = lambda: reads.append("track")

    await handle(
        world,
        *(
            SnapshotNudge(
                delivery_id="D-1",
                connection_id="a",
                request_id=f"r-{number}",
                subscribed_at_ms=latest - number,
            )
            for number in range(50)
        ),
        # From an older sender, which does not send the time yet.
        SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="old"),
    )

    assert world.gateway.types("a") == ["snapshot", "snapshot"]
    assert reads == ["track"] * 2
    assert len(world.deliveries.reads) == 2


async def test_a_snapshot_while_assigned_has_no_position_and_no_track(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", status=Status.ASSIGNED, version=1)
    world.event("D-1", 1, Status.ASSIGNED, Cause.ASSIGNED)
    world.positions.tracks["T-1"] = [
        TrackPoint(lat=35.0, lon=129.0, event_at_ms=world.clock.now_ms() - 1)
    ]
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert (snapshot["position"], snapshot["track"]) == (None, [])
    assert len(snapshot["events"]) == 1


async def test_a_snapshot_while_assigned_reads_no_positions(world: World) -> None:
    read: list[str] = []
    world.positions.before_read = lambda: read.append("latest")
    world.positions.before_track = lambda: read.append("track")
    world.delivery("D-1", status=Status.ASSIGNED, version=1)
    world.viewer("a", "D-1")
    world.viewer("b", "D-1", role="dispatcher", identity="x")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))
    assert read == []
    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="b", request_id="r"))
    assert sorted(read) == ["latest", "track"]


async def test_a_snapshot_goes_without_positions_when_their_store_is_unavailable(
    world: World,
) -> None:
    def fail() -> None:
        raise OSError("OpenSearch is unavailable")

    world.positions.before_read = world.positions.before_track = fail
    world.truck("T-1")
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert (snapshot["status"], snapshot["position"], snapshot["track"]) == ("nearby", None, [])
    assert "positions_unavailable" in world.logged


async def test_a_snapshot_does_not_wait_for_a_position_store_that_hangs(world: World) -> None:
    responded = threading.Event()

    class OnlyTracksInThreads(Threads):
        """So that the latest position is read in time on any machine, however short the wait."""

        async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
            is_track: bool = call == world.positions.track
            if is_track:
                return await super().run(call, *args, **kwargs)
            return call(*args, **kwargs)

    def hang() -> None:
        responded.wait(HANGS_S)

    world.positions.before_track, world.position_wait_s = hang, SOON_S
    world.of_nudges.positions.close()
    world.of_nudges = StoreThreads(world.of_nudges.tables, OnlyTracksInThreads(1, "tracks"))
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("a", "D-1")
    try:
        await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

        (snapshot,) = world.gateway.messages("a")
        assert snapshot["position"] is not None
        assert snapshot["track"] == []
    finally:
        responded.set()


async def test_a_snapshot_of_a_delivered_delivery_shows_the_position_when_it_was_delivered(
    world: World,
) -> None:
    world.closed("D-1", truck_id="T-1", ago_s=600)
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert snapshot["position"]["age_s"] == 610


async def test_a_viewer_without_a_right_receives_an_ending_instead_of_a_snapshot(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1", customer_id="C-2")
    world.viewer("a", "D-1", identity="C-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    assert world.gateway.types("a") == ["ended"]
