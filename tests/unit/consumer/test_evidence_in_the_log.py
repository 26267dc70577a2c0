"""What the log keeps of the reasons for its events."""

from __future__ import annotations

import msgspec

from rtdts.tracking.deliveries import Cause
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from tests.support.consumer_world import STATUSES, World, drive


def drive_with_accuracies() -> list[Point]:
    """A whole drive; no two of its points have the same accuracy."""
    return [msgspec.structs.replace(one, accuracy_m=5.0 + n / 10) for n, one in enumerate(drive())]


def test_each_event_of_a_rule_has_its_evidence() -> None:
    world, points = World(), drive_with_accuracies()
    world.assign("D-1")
    accuracies = {point_id(one): one.accuracy_m for one in points}

    world.pipeline().process(world.shard.records(*[[one] for one in points]))

    of_rules = [one for one in world.deliveries.events("D-1") if one.point_id is not None]
    assert [one.status for one in of_rules] == list(STATUSES[1:])
    for event in of_rules:
        assert event.evidence is not None
        assert event.evidence.distance_m >= 0.0
        assert event.evidence.accuracy_m == accuracies[event.point_id or ""]


def test_a_correction_names_its_point_and_has_no_evidence() -> None:
    world, points = World(), drive_with_accuracies()
    world.assign("D-1")
    pipeline = world.pipeline()
    missing = points[4:16]
    others = [one for one in points if one not in missing]

    pipeline.process(world.shard.records(*[[one] for one in others]))
    pipeline.process(world.shard.records(*[[one] for one in missing]))
    pipeline.settle(everything=True)

    of_rules = [one for one in world.deliveries.events("D-1") if one.point_id is not None]
    corrections = [one for one in of_rules if one.cause is Cause.CORRECTED]
    assert corrections
    assert {one.evidence for one in corrections} == {None}
    assert all(one.evidence for one in of_rules if one.cause is not Cause.CORRECTED)
