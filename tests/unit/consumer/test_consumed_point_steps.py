from __future__ import annotations

import pytest

from rtdts.tracking.point_identity import point_id
from tests.support.consumer_world import Shard, World, drive, point


@pytest.fixture
def world() -> World:
    return World(traced="T-1")


def test_each_point_of_a_traced_truck_is_reported_with_its_outcome(world: World) -> None:
    first, second = point(0, 0.0), point(10, 50.0)
    shard = Shard()
    pipeline = world.pipeline()
    pipeline.process(shard.records([first], [second]))
    pipeline.process(shard.records([first]))

    reported = world.reported("point")
    assert [(line["point_id"], line["step"]) for line in reported] == [
        (point_id(first), "indexed"),
        (point_id(second), "indexed"),
        (point_id(first), "skipped"),
    ]
    assert [line["latest"] for line in reported] == [False, True, False]
    assert len({line["sequence_number"] for line in reported}) == 3
    assert {line["shard_id"] for line in reported} == {world.reported("point")[0]["shard_id"]}


def test_points_of_untraced_trucks_are_not_reported(world: World) -> None:
    world.pipeline().process(Shard().records([point(0, 0.0, truck_id="T-2")]))

    assert not world.reported("point")


def test_a_point_that_changed_a_status_is_reported_with_the_status(world: World) -> None:
    world.assign("D-1")
    world.pipeline().process(Shard().records(drive()))

    causes = {
        event.version: event.point_id for event in world.deliveries.events("D-1") if event.point_id
    }
    reported = [line for line in world.reported("point") if line["step"] == "status"]
    assert reported
    assert {line["version"]: line["point_id"] for line in reported} == causes
    assert {line["delivery_id"] for line in reported} == {"D-1"}


def test_a_point_that_the_history_rejects_is_reported_as_parked(world: World) -> None:
    rejected_ids = point(0, 0.0)
    world.positions.rejects = lambda _: "400 mapper"
    world.pipeline().process(Shard().records([rejected_ids]))

    assert [line["step"] for line in world.reported("point")] == ["parked"]
