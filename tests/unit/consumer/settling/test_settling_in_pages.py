"""A settling that reads page by page; the truck has several points with the same time."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from consumer import settling
from rtdts.tracking.deliveries import Status
from rtdts.tracking.positions import Point
from tests.support.consumer_world import DRIVE_M, STATUSES, World, drive, point


def pairs() -> list[Point]:
    """Two points for each time of a drive; their ids are not in the order of their numbers."""
    return [
        msgspec.structs.replace(point(10 * n, float(m) + at), seq=9 + 2 * n + at)
        for n, m in enumerate(DRIVE_M)
        for at in (0, 1)
    ]


@pytest.mark.parametrize("page", [2, 3, 4, 5, 7])
def test_no_point_with_the_same_time_is_skipped_at_the_end_of_a_page(
    monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    points = pairs()
    in_order, late = World(), World()
    for world in (in_order, late):
        world.assign("D-1")
    fold = in_order.pipeline()
    fold.process(in_order.shard.records(*[[one] for one in points]))
    fold.settle(everything=True)
    for name in ("PAGE_FIXES", "LEAD_FIXES"):
        monkeypatch.setattr(settling, name, page)
    for name in ("BEFORE_FIXES", "AFTER_FIXES"):
        monkeypatch.setattr(settling, name, 0)
    monkeypatch.setattr(settling, "MIN_MARGIN_MS", 0)

    pipeline = late.pipeline()
    backlog = points[4:50]
    for chunk in ([*points[:4], *points[50:]], backlog):
        pipeline.process(late.shard.records(*[[one] for one in chunk]))
    pipeline.settle(everything=True)

    def reported(world: World) -> dict[str, object]:
        return {
            identity: msgspec.structs.replace(one.fix, n=0)
            for (_, identity), one in world.positions.history.items()
        }

    assert reported(late) == reported(in_order)
    assert late.statuses("D-1") == in_order.statuses("D-1")


def test_every_pass_makes_progress_however_slow_the_store_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each search takes longer than a pass may take; no pass reads what an earlier one has read."""
    world = World()
    world.assign("D-1")
    monkeypatch.setattr(settling, "PAGE_FIXES", 10)
    for name in ("around", "before", "after"):
        search = getattr(world.positions, name)

        def slow(*arguments: object, of: Callable[..., object] = search) -> object:
            world.clock.advance(3 * settling.SLICE_S)
            return of(*arguments)

        monkeypatch.setattr(world.positions, name, slow)
    points = pairs()
    pipeline = world.pipeline()
    for chunk in (points[40:], points[:40]):
        pipeline.process(world.shard.records(*[[one] for one in chunk]))

    passes = 0
    while world.positions.unsettled():
        passes += 1
        assert passes <= 10
        world.clock.advance(60.0)
        pipeline.settle()

    assert passes > 2, "it was done in one or two passes"
    assert world.statuses("D-1")[-1] is Status.ARRIVED


def test_a_settling_that_reads_too_much_is_cut_off_and_other_trucks_are_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.assign("D-1")
    world.assign("D-2", "T-2")
    world.positions.max_hits = 40  # one search finds all of T-2, and not of T-1
    monkeypatch.setattr(settling, "PAGE_FIXES", 10)
    monkeypatch.setattr(settling, "MAX_FIXES", 20)
    pipeline, points, others = world.pipeline(), pairs(), drive("T-2")
    for chunk in (points[40:], others[3:], points[:40], others[:3]):
        pipeline.process(world.shard.records(*[[one] for one in chunk]))
    assert world.positions.unsettled() == ["T-1", "T-2"]
    logged = world.statuses("D-1")

    report = world.settle(pipeline)

    (line,) = world.reported("settling_cut_off")
    assert (line["level"], line["truck_id"]) == ("error", "T-1")
    assert 20 <= int(str(line["fixes"])) < 30, "no further page than the one that reached the limit"
    assert report.waiting == 0
    assert world.positions.unsettled() == []
    assert world.statuses("D-1") == logged
    assert world.statuses("D-2") == list(STATUSES)
