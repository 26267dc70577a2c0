"""Batches of points: what is written, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import msgspec
import pytest

from consumer.settling import PAUSE_S
from rtdts.push_queue.nudges import PositionNudge, TransitionNudge
from rtdts.tracking.deliveries import CLOSED, Cause, DeliveryEvent, Status
from tests.support.consumer_world import START_MS, STATUSES, World, drive, point, shown, standing_of

P = ParamSpec("P")


def test_a_drive_is_indexed_and_its_transitions_are_logged(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()

    for one in drive():
        pipeline.process(world.shard.records([one]))

    assert len(world.positions.history) == len(drive())
    assert world.statuses("D-1") == list(STATUSES)
    latest = world.positions.latest(["T-1"])["T-1"]
    assert latest.newest.event_at_ms == drive()[-1].event_at_ms
    assert latest.deliveries[0].distance_remaining_m == 10.0  # not 10.0000003


def test_writes_are_in_the_order_history_transitions_latest_nudges_state(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.assign("D-1")
    order: list[str] = world.positions.steps

    def noted(write: Callable[P, None], step: str) -> Callable[P, None]:
        def writing(*args: P.args, **more: P.kwargs) -> None:
            write(*args, **more)
            order.append(step)

        return writing

    append, send_many = world.deliveries.append, world.nudges.send_many
    monkeypatch.setattr(world.deliveries, "append", noted(append, "append"))
    monkeypatch.setattr(world.nudges, "send_many", noted(send_many, "nudge"))

    world.pipeline().process(world.shard.records(drive()[:1]))

    assert order == ["write_history", "append", "write_latest", "nudge", "save"]


def test_an_older_point_never_overwrites_the_latest(world: World) -> None:
    pipeline = world.pipeline()

    pipeline.process(world.shard.records([point(100, 500.0)]))
    pipeline.process(world.shard.records([point(50, 250.0)]))

    latest = world.positions.latest(["T-1"])["T-1"]
    assert latest.newest.event_at_ms == START_MS + 100_000
    assert latest.newest.distance_m == pytest.approx(250.0, abs=0.1)
    assert latest.revision == 1


def test_each_batch_near_the_destination_sends_a_nudge(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    for one in drive():
        pipeline.process(world.shard.records([one]))

    close = [nudge for nudge in world.nudges.sent if isinstance(nudge, PositionNudge)]
    changes = [nudge.version for nudge in world.nudges.sent if isinstance(nudge, TransitionNudge)]

    assert changes == [2, 3, 4, 5, 6]
    assert {nudge.event_at_ms for nudge in close} == {one.event_at_ms for one in drive()[19:]}


def test_a_declaration_between_reading_and_writing_is_respected(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(drive()[:1]))

    world.deliveries.before_append.append(lambda: _declare(world, Status.CANCELLED))
    pipeline.process(world.shard.records(*[[one] for one in drive()[1:]]))

    assert world.statuses("D-1") == [
        Status.ASSIGNED,
        Status.EN_ROUTE_TO_PICKUP,
        Status.CANCELLED,
    ]


def test_a_declared_pickup_is_detected_within_seconds_and_the_rules_continue_from_it(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in drive()[:3]]))
    _declare(world, Status.IN_TRANSIT, second=25)
    world.clock.advance(6)

    pipeline.process(world.shard.records(*[[one] for one in drive()[3:]]))

    assert world.statuses("D-1") == [
        Status.ASSIGNED,
        Status.EN_ROUTE_TO_PICKUP,
        Status.IN_TRANSIT,
        Status.NEARBY,
        Status.ARRIVED,
    ]


def test_a_delivery_first_seen_late_gets_its_statuses_since_its_assignment(
    world: World,
) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in drive()[:12]]))
    world.assign("D-1", second=20)
    world.clock.advance(6)

    pipeline.process(world.shard.records([drive()[12]]))
    world.settle(pipeline)  # points that have left the window are read from the history

    events = world.deliveries.events("D-1")
    assert [event.status for event in events] == list(STATUSES[:3])
    assert events[1].effective_at_ms == START_MS + 20_000


def test_a_truck_with_two_deliveries_has_two_status_machines(world: World) -> None:
    world.assign("D-1")
    world.assign("D-2", second=200)

    world.pipeline().process(world.shard.records(*[[one] for one in drive()]))

    assert world.statuses("D-1") == list(STATUSES)
    # The truck had left the second one's origin before: its pickup is implied by the arrival.
    assert world.statuses("D-2") == [
        *(Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP),
        *(Status.IN_TRANSIT, Status.NEARBY, Status.ARRIVED),
    ]


def test_a_point_earlier_than_the_window_changes_no_status_before_it_is_settled(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    missing = drive()[5:11]
    others = [one for one in drive() if one not in missing]
    pipeline.process(world.shard.records(*[[one] for one in others]))
    before = world.statuses("D-1")

    report = pipeline.process(world.shard.records(*[[one] for one in missing]))

    assert report.late == len(missing)
    assert len(world.positions.history) == len(drive())
    assert world.statuses("D-1") == before

    world.settle(pipeline, after_s=PAUSE_S)

    assert [one.status for one in standing_of(world)] == list(STATUSES[1:])


def test_no_event_is_logged_while_late_points_are_unsettled(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    late = drive()[2]
    first = [one for one in drive()[:18] if one != late]
    pipeline.process(world.shard.records(*[[one] for one in first]))
    before = world.deliveries.events("D-1")

    pipeline.process(world.shard.records([late]))
    for one in drive()[18:]:
        pipeline.process(world.shard.records([one]))

    assert world.deliveries.events("D-1") == before
    assert shown(world).newest.seq == drive()[-1].seq

    world.settle(pipeline)

    assert world.statuses("D-1") == list(STATUSES)


def _declare(world: World, status: Status, second: int = 0) -> None:
    row = world.deliveries.get("D-1")
    assert row is not None
    at_ms = START_MS + second * 1_000
    after = msgspec.structs.replace(
        row,
        status=status,
        version=row.version + 1,
        closed_at_ms=at_ms if status in CLOSED else None,
    )
    event = DeliveryEvent(
        delivery_id="D-1",
        version=after.version,
        status=status,
        cause=Cause.DECLARED,
        effective_at_ms=at_ms,
        recorded_at_ms=at_ms,
        assignment=1,
        truck_id="T-1",
        actor="dispatcher:A",
    )
    world.deliveries.append(row, after, [event], matches=True)
