"""A token that is revoked while its sockets are open."""

from __future__ import annotations

import msgspec
import pytest

from broadcaster.sender import PostOutcome
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.topics import socket_endpoint
from tests.support.blocks import revocation
from tests.support.broadcaster_world import World
from tests.support.nudging import handle


@pytest.mark.parametrize("subject", ["customer:C-1", "token:jti-7"])
async def test_an_open_socket_is_shown_nothing_more_15_s_after_the_revocation(
    world: World, subject: str
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("stolen", "D-1", token_id="jti-7")
    world.viewer("other", "D-1", role="dispatcher", identity="ann", token_id="jti-8")
    await world.run_round()
    world.blocks.block(revocation(subject, world.clock.now_ms()))
    world.clock.advance(15)
    await world.run_round()
    first, last = world.gateway.messages("stolen")

    assert first["type"] == "position"
    assert (last["type"], last["reason"]) == ("ended", "token_expired")
    assert [one["type"] for one in world.gateway.messages("other")] == ["position"] * 2
    assert world.tracking == {"other"}


async def test_a_revoked_connection_is_ended_whether_it_reads_or_not(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    for name in ("reads", "hangs", "throttled", "gone"):
        world.viewer(name, "D-1")
    world.viewer("expired", "D-1", identity="C-9", token_expires_in_s=0)
    world.gateway.respond_with("hangs", PostOutcome.HUNG)
    world.gateway.respond_with("throttled", PostOutcome.THROTTLED)
    world.gateway.respond_with("gone", PostOutcome.GONE)
    world.blocks.block(revocation("customer:C-1", world.clock.now_ms()))
    await world.run_round()

    assert world.gateway.ended == {"reads", "hangs", "throttled"}
    assert world.tracking == set()


async def test_a_revoked_viewer_with_an_unknown_kind_of_endpoint_affects_no_other(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    unknown = msgspec.structs.replace(world.viewer("stolen", "D-1"), endpoint="mail:stolen")
    world.subscriptions.remove_endpoint(socket_endpoint("stolen"))
    world.subscriptions.add(unknown)
    world.viewer("other", "D-1", role="dispatcher", identity="ann")
    world.blocks.block(revocation("customer:C-1", world.clock.now_ms()))
    report = await world.run_round()

    assert (report.due, report.delivered, report.failed, report.unread) == (2, 1, 1, 0)
    assert world.subscriptions.has(unknown.topic, unknown.endpoint)


async def test_a_revoked_connection_that_could_not_be_ended_is_ended_by_the_next_round(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("stolen", "D-1")
    world.gateway.respond_with("stolen", PostOutcome.HUNG)
    world.gateway.end_response = PostOutcome.FAILED
    world.blocks.block(revocation("customer:C-1", world.clock.now_ms()))
    await world.run_round()

    assert world.tracking == {"stolen"}
    world.gateway.end_response = PostOutcome.DELIVERED
    world.clock.advance(60)
    await world.run_round()

    assert world.gateway.ended == {"stolen"}
    assert world.tracking == set()


async def test_a_nudge_shows_a_revoked_viewer_nothing(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("stolen", "D-1")
    world.event("D-1", 4, Status.IN_TRANSIT, Cause.LEFT_ORIGIN)
    world.blocks.block(revocation("customer:C-1", world.clock.now_ms()))
    await handle(world, TransitionNudge(delivery_id="D-1", version=4))

    assert [one["type"] for one in world.gateway.messages("stolen")] == ["ended"]
    assert world.gateway.ended == {"stolen"}


async def test_a_socket_of_a_token_issued_after_the_revocation_stays_open(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("old", "D-1")
    world.clock.advance(60)
    world.blocks.block(
        revocation("customer:C-1", world.clock.now_ms(), issued_before_ms=world.clock.now_ms())
    )
    world.viewer("new", "D-1")
    await world.run_round()

    assert [one["type"] for one in world.gateway.messages("old")] == ["ended"]
    assert [one["type"] for one in world.gateway.messages("new")] == ["position"]
    assert world.gateway.ended == {"old"}
