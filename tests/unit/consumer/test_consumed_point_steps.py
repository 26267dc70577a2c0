from __future__ import annotations

import pytest

from rtdts.tracking.point_identity import point_id
from tests.support.consumer_world import Shard, World, drive, point


@pytest.fixture
def world() -> World:
    return World(traced="T-1")


def test_each_point_of_a_traced_truck_is_told_with_what_became_of_it(world: World) -> None:
    first, second = point(0, 0.0), point(10, 50.0)
    shard = Shard()
    pipeline = world.pipeline()
    pipeline.process(shard.records([first], [second]))
    pipeline.process(shard.records([first]))

    told = world.told("point")
    assert [(line["point_id"], line["step"]) for line in told] == [
        (point_id(first), "indexed"),
        (point_id(second), "indexed"),
        (point_id(first), "left_out"),
    ]
    assert [line["latest"] for line in told] == [False, True, False]
    assert len({line["sequence_number"] for line in told}) == 3
    assert {line["shard_id"] for line in told} == {world.told("point")[0]["shard_id"]}


def test_the_points_of_others_are_not_told(world: World) -> None:
    world.pipeline().process(Shard().records([point(0, 0.0, truck_id="T-2")]))

    assert not world.told("point")


def test_a_point_that_changed_a_status_is_told_with_the_status(world: World) -> None:
    world.assign("D-1")
    world.pipeline().process(Shard().records(drive()))

    causes = {
        event.version: event.point_id for event in world.deliveries.events("D-1") if event.point_id
    }
    told = [line for line in world.told("point") if line["step"] == "status"]
    assert told
    assert {line["version"]: line["point_id"] for line in told} == causes
    assert {line["delivery_id"] for line in told} == {"D-1"}


def test_a_point_that_the_history_refuses_is_told_as_parked(world: World) -> None:
    rejected_ids = point(0, 0.0)
    world.positions.rejects = lambda _: "400 mapper"
    world.pipeline().process(Shard().records([rejected_ids]))

    assert [line["step"] for line in world.told("point")] == ["parked"]
