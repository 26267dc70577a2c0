from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from broadcaster.point_steps import log_points
from broadcaster.sender import Payload, PostOutcome
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.topics import socket_endpoint
from tests.support.broadcaster_world import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World(traced="T-1")
    yield world
    world.close()


def reported(world: World) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in world.logged.splitlines()]
    return [line for line in lines if line["event"] == "point"]


async def test_a_round_reports_the_viewers_of_a_traced_point_and_its_age(
    world: World,
) -> None:
    shown = point_id(world.truck("T-1", age_s=5.0).newest)
    world.truck("T-2")
    for delivery_id, truck_id in (("D-1", "T-1"), ("D-2", "T-2")):
        world.delivery(delivery_id, truck_id=truck_id)
    world.viewer("a", "D-1")
    world.viewer("b", "D-2")

    await world.run_round()

    (line,) = reported(world)
    assert (line["step"], line["point_id"], line["shown"]) == ("posted", shown, "position")
    assert (line["delivery_id"], line["endpoint"]) == ("D-1", socket_endpoint("a"))
    assert (line["outcome"], line["age_ms"]) == ("delivered", 5_000)


async def test_a_traced_point_is_logged_with_the_outcome_when_its_viewer_is_not_reached(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.GONE)

    await world.run_round()

    assert [line["outcome"] for line in reported(world)] == ["gone"]


@pytest.mark.parametrize(("truck_id", "lines"), [("T-1", 1), ("T-2", 0)])
def test_a_status_is_logged_with_the_traced_point_that_caused_it(
    world: World, truck_id: str, lines: int
) -> None:
    world.delivery("D-1", truck_id=truck_id)
    event = world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    of_point = msgspec.structs.replace(event, point_id=f"{truck_id}:1:2")

    log_points(
        PointTrace("T-1", world.log),
        [Payload.of(b"{}", of_point), Payload.of(b"{}", event), Payload.of(b"{}")],
        world.viewer("a", "D-1"),
        outcome="delivered",
        now_ms=world.clock.now_ms(),
    )

    assert [(line["point_id"], line["shown"]) for line in reported(world)] == [
        (f"{truck_id}:1:2", "status")
    ] * lines
