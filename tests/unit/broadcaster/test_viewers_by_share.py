"""Sockets that were opened with a share."""

from __future__ import annotations

import asyncio

import pytest

from broadcaster.threads import StoreThreads
from rtdts.delivery_store.shares import ShareKey
from rtdts.push_queue.nudges import Nudge, PositionNudge, ShareNudge, SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, FailureCode, Status
from rtdts.tracking.roles import SHARE
from rtdts.tracking.shares import Share
from tests.support.broadcaster_world import HOUR_MS, World
from tests.support.delivery_shares import share_of
from tests.support.nudging import handle
from tests.support.virtual_time import LoopClock, NoThreads, in_virtual_time


def shared(world: World, delivery_id: str = "D-1", connection: str = "guest") -> Share:
    """A delivery under way, its share, and a viewer by it."""
    world.truck("T-1")
    world.delivery(delivery_id)
    share = share_of(
        delivery_id,
        created_at_ms=world.clock.now_ms(),
        expires_at_ms=world.clock.now_ms() + HOUR_MS,
    )
    world.shares.put(share)
    world.viewer(connection, delivery_id, role=SHARE, identity=share.share_id)
    return share


def types(world: World, connection: str) -> list[str]:
    return [one["type"] for one in world.gateway.messages(connection)]


async def test_a_viewer_by_share_receives_the_same_as_the_customer(world: World) -> None:
    shared(world)
    world.viewer("customer", "D-1")
    await world.run_round()
    (guest,), (customer,) = world.gateway.messages("guest"), world.gateway.messages("customer")

    assert guest == customer
    assert guest["position"] is not None


async def test_after_a_revocation_nothing_is_shown_and_the_socket_is_notified_of_it(
    world: World,
) -> None:
    share = shared(world)
    world.viewer("customer", "D-1")
    await world.run_round()
    key = ShareKey("D-1", share.share_id)
    world.shares.revoke(key, now_ms=world.clock.now_ms())
    world.clock.advance(1)
    await handle(world, ShareNudge(delivery_id="D-1", share_id=share.share_id))
    first, last = world.gateway.messages("guest")
    await world.run_round()

    assert first["type"] == "position"
    assert (last["type"], last["reason"]) == ("ended", "token_expired")
    assert len(types(world, "guest")) == 2
    assert types(world, "customer") == ["position"] * 2, "from the rounds only"
    assert world.tracking == {"customer"}


@pytest.mark.parametrize("nudge", ["transition", "snapshot", "position", "share"])
async def test_no_kind_of_nudge_shows_a_revoked_share_anything(world: World, nudge: str) -> None:
    share = shared(world)
    world.event("D-1", 4, Status.IN_TRANSIT, Cause.LEFT_ORIGIN)
    world.shares.revoke(ShareKey("D-1", share.share_id), now_ms=world.clock.now_ms())
    sent: dict[str, Nudge] = {
        "transition": TransitionNudge(delivery_id="D-1", version=4),
        "snapshot": SnapshotNudge(delivery_id="D-1", connection_id="guest", request_id="r"),
        "position": PositionNudge(delivery_id="D-1", event_at_ms=world.clock.now_ms()),
        "share": ShareNudge(delivery_id="D-1", share_id=share.share_id),
    }
    await handle(world, sent[nudge])

    assert types(world, "guest") == ["ended"]


def test_a_revocation_does_not_wait_for_positions() -> None:
    """Nor for the account's rate, for which a position would be given up."""

    async def main() -> float:
        world = World(clock=LoopClock(), posts_per_second=1.0)
        world.of_nudges = StoreThreads(NoThreads(), NoThreads())
        share = shared(world)
        for number in range(50):
            world.viewer(f"c-{number}", "D-1")
        handler = world.nudge_handler()
        await handler.begin(PositionNudge(delivery_id="D-1", event_at_ms=1))
        world.shares.revoke(ShareKey("D-1", share.share_id), now_ms=world.clock.now_ms())
        begun = await handler.begin(ShareNudge(delivery_id="D-1", share_id=share.share_id))
        assert begun, "a position would have been given up"
        await asyncio.gather(*begun)
        assert types(world, "guest")[-1] == "ended"
        return asyncio.get_running_loop().time()

    assert in_virtual_time(main) < 1.0


async def test_a_share_that_was_revoked_while_positions_were_read_is_read_again(
    world: World,
) -> None:
    """A right is at most 2 s old when a post is written, however slow the position store is."""
    share = shared(world)

    def slowly() -> None:
        world.clock.advance(1.5)
        world.shares.revoke(ShareKey("D-1", share.share_id), now_ms=world.clock.now_ms())

    world.positions.before_read = slowly
    await world.run_round()

    assert types(world, "guest") == ["ended"]


async def test_a_share_ends_when_it_expires(world: World) -> None:
    shared(world)
    world.clock.advance(HOUR_MS / 1000)
    await world.run_round()

    assert [one["reason"] for one in world.gateway.messages("guest")] == ["token_expired"]


async def test_a_deleted_share_shows_nothing(world: World) -> None:
    """As after an erasure, or for an identity that was made up."""
    shared(world)
    world.viewer("forged", "D-1", role=SHARE, identity="ffffffffffffffff")
    await world.run_round()

    assert types(world, "forged") == ["ended"]
    assert types(world, "guest") == ["position"]


async def test_a_share_shows_no_other_delivery(world: World) -> None:
    share = shared(world)
    world.delivery("D-2", customer_id="C-2")
    world.viewer("elsewhere", "D-2", role=SHARE, identity=share.share_id)
    await world.run_round()

    assert types(world, "elsewhere") == ["ended"]
    assert {key for keys in world.shares.reads for key in keys} == {
        ShareKey("D-1", share.share_id),
        ShareKey("D-2", share.share_id),
    }


async def test_a_share_ends_when_its_delivery_goes_to_another_customer(world: World) -> None:
    shared(world)
    world.change("D-1", customer_id="C-2", customer_since_version=5, version=5)
    await world.run_round()

    assert [one["reason"] for one in world.gateway.messages("guest")] == ["no_longer_yours"]


async def test_while_assigned_a_share_shows_no_truck(world: World) -> None:
    shared(world)
    world.change("D-1", status=Status.ASSIGNED, shown_from_ms=None)
    await world.run_round()

    assert [one["position"] for one in world.gateway.messages("guest")] == [None]


async def test_shares_that_cannot_be_read_delay_no_viewer_with_a_token_and_end_nothing(
    world: World,
) -> None:
    shared(world)
    world.viewer("customer", "D-1")
    world.shares.is_unavailable = True
    await world.run_round()
    world.shares.is_unavailable = False
    await world.run_round()

    assert types(world, "customer") == ["position"] * 2
    assert types(world, "guest") == ["position"]
    assert "shares_unavailable" in world.logged


async def test_without_viewers_by_share_no_share_is_read(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("customer", "D-1")
    await world.run_round()

    assert world.shares.reads == []


async def test_each_kind_of_message_has_the_number_of_stops_before(world: World) -> None:
    shared(world)
    for number, delivery_id in ((7, "D-1"), (3, "D-3"), (5, "D-5"), (9, "D-9")):
        if delivery_id != "D-1":
            world.delivery(delivery_id, customer_id="C-2")
        world.change(delivery_id, stop_sequence=number)
    world.event("D-1", 4, Status.IN_TRANSIT, Cause.LEFT_ORIGIN)
    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="guest", request_id="r"))
    await handle(world, TransitionNudge(delivery_id="D-1", version=4))
    reported = world.gateway.messages("guest")

    assert [one["type"] for one in reported] == ["snapshot", "status", "position"]
    assert [one["stops_before"] for one in reported] == [2, 2, 2]
    assert [one.get("position") for one in reported] == [None, None, None]


async def test_a_snapshot_has_the_reason_of_a_failed_delivery(world: World) -> None:
    shared(world)
    world.event("D-1", 4, Status.FAILED, Cause.DECLARED)
    now_ms = world.clock.now_ms()
    world.change(
        "D-1",
        status=Status.FAILED,
        failure_code=FailureCode.NO_ACCESS,
        updated_at_ms=now_ms,
        closed_at_ms=now_ms,
    )
    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="guest", request_id="r"))
    (snapshot,) = world.gateway.messages("guest")

    assert (snapshot["status"], snapshot["failure_code"]) == ("failed", "no_access")
    assert snapshot["stops_before"] is None
