"""A phone back in coverage sends its backlog newest first, one point per request.

No other truck is delayed by it.
"""

from __future__ import annotations

import itertools
import json

import msgspec
import pytest

from consumer.arrivals import StreamRecord
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Cause, Delivery, DeliveryEvent, Status
from rtdts.tracking.truck_fold import WINDOW_FIXES
from tests.fakes.scripted_client import cancelled, client_error
from tests.support.consumer_world import DRIVE_M, START_MS, STATUSES, World, drive, point

APPROACH_M = tuple(-4_000 + 3_000 / 55 * n for n in range(55))
RECEIVED_AT_MS = START_MS + 1_000_000
BACKLOG = [
    point(10 * n, float(east_m), received_at_ms=RECEIVED_AT_MS)
    for n, east_m in enumerate((*APPROACH_M, *DRIVE_M))
]
"""85 points; each makes the timeline begin earlier."""


@pytest.fixture
def world() -> World:
    world = World()
    world.assign("D-1")
    world.assign("D-2", "T-2")
    return world


def batch(world: World) -> list[StreamRecord]:
    """The backlog, interleaved with another truck's drive, in one poll."""
    pairs = itertools.zip_longest(reversed(BACKLOG), drive("T-2"))
    return world.shard.records(*[[one] for pair in pairs for one in pair if one is not None])


def assert_log_is_whole(world: World, delivery_id: str) -> None:
    row, events = world.deliveries.get(delivery_id), world.deliveries.events(delivery_id)
    assert row is not None
    assert [event.version for event in events] == [*range(1, row.version + 1)]
    assert row.status is events[-1].status


def test_a_backlog_delays_no_other_truck_and_one_settling_completes_its_log(
    world: World,
) -> None:
    pipeline = world.pipeline()

    report = pipeline.process(batch(world))

    assert report.late == len(BACKLOG) - WINDOW_FIXES - 1
    assert world.statuses("D-2") == list(STATUSES)
    assert len(world.positions.history) == len(BACKLOG) + len(drive())

    settled = world.settle(pipeline)

    assert world.statuses("D-1")[-1] is Status.ARRIVED
    assert settled.transitions <= len(Status) + 6
    assert_log_is_whole(world, "D-1")
    assert (report.parked, settled.waiting) == (0, 0)


def test_late_points_in_single_batches_append_no_event_before_they_are_settled(
    world: World,
) -> None:
    pipeline = world.pipeline()

    for one in reversed(BACKLOG[-60:]):
        pipeline.process(world.shard.records([one]))
    assert world.statuses("D-1") == [Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP]
    world.settle(pipeline)

    assert world.statuses("D-1")[-1] is Status.ARRIVED
    assert len(world.deliveries.events("D-1")) <= 2 + len(Status) + 6


def test_a_settling_that_crashed_before_its_appends_completes_when_the_batch_is_repeated(
    world: World,
) -> None:
    records = batch(world)
    killed = world.pipeline()
    killed.process(records)
    world.deliveries.before_append.append(_crash)
    with pytest.raises(SystemExit):
        world.settle(killed)
    assert_log_is_whole(world, "D-1")

    pipeline = world.pipeline()
    pipeline.process(records)
    world.settle(pipeline)

    assert_log_is_whole(world, "D-1")
    assert world.statuses("D-1")[-1] is Status.ARRIVED
    reported = [n.version for n in world.nudges.sent if isinstance(n, TransitionNudge)]
    assert len(world.deliveries.events("D-1")) in reported


def test_a_declaration_before_the_settlings_transaction_is_respected(world: World) -> None:
    pipeline = world.pipeline()
    pipeline.process(batch(world))
    world.deliveries.before_append.append(lambda: _cancel(world, "D-1"))

    world.settle(pipeline)

    statuses = world.statuses("D-1")
    assert statuses.index(Status.CANCELLED) == len(statuses) - 1
    assert_log_is_whole(world, "D-1")
    assert world.statuses("D-2") == list(STATUSES)


@pytest.mark.parametrize(
    "rejection",
    [
        client_error("ValidationException"),
        client_error("ItemCollectionSizeLimitExceededException"),
        cancelled("None", "ValidationError"),
    ],
)
def test_rejected_events_of_one_delivery_are_parked_and_the_other_deliveries_proceed(
    world: World, rejection: Exception
) -> None:
    world.assign("D-3")  # on the same truck
    world.deliveries.rejections["D-1"] = rejection

    pipeline = world.pipeline()
    pipeline.process(batch(world))
    world.settle(pipeline)

    (name,) = world.parking.parked
    body, reason = world.parking.parked[name]
    parked = json.loads(body)
    assert reason == "delivery_rejected"
    assert (parked["delivery_id"], parked["truck_id"]) == ("D-1", "T-1")
    events = msgspec.convert(parked["events"], list[DeliveryEvent])
    assert (events[0].version, events[-1].status) == (2, Status.ARRIVED)
    (reported,) = world.reported("delivery_rejected")
    assert (reported["delivery_id"], reported["parked_as"]) == ("D-1", "rejected/delivery-D-1-2")

    assert world.statuses("D-1") == [Status.ASSIGNED]
    assert world.statuses("D-2") == list(STATUSES)
    assert world.statuses("D-3")[-1] is Status.ARRIVED
    assert len(world.positions.history) == len(BACKLOG) + len(drive())
    assert set(world.positions.latest(["T-1", "T-2"])) == {"T-1", "T-2"}


def test_rejected_events_are_tried_again_with_the_trucks_next_point(world: World) -> None:
    pipeline = world.pipeline()
    world.deliveries.rejections["D-1"] = client_error("ValidationException")
    pipeline.process(batch(world))
    world.settle(pipeline)
    world.deliveries.rejections.clear()

    pipeline.process(world.shard.records([point(1_000, 4_005.0)]))

    assert world.statuses("D-1")[-1] is Status.ARRIVED
    assert_log_is_whole(world, "D-1")


def test_an_error_of_the_deployment_is_raised_and_parks_nothing(world: World) -> None:
    world.deliveries.rejections["D-1"] = client_error("UnrecognizedClientException")
    pipeline = world.pipeline()
    pipeline.process(batch(world))

    with pytest.raises(type(client_error("any"))):
        world.settle(pipeline)

    assert not world.parking.parked


def _crash() -> None:
    raise SystemExit(1)


def _cancel(world: World, delivery_id: str) -> None:
    row = world.deliveries.get(delivery_id)
    assert row is not None
    after: Delivery = msgspec.structs.replace(
        row, status=Status.CANCELLED, version=row.version + 1, closed_at_ms=START_MS
    )
    event = DeliveryEvent(
        delivery_id=delivery_id,
        version=after.version,
        status=Status.CANCELLED,
        cause=Cause.DECLARED,
        effective_at_ms=START_MS,
        recorded_at_ms=START_MS,
        assignment=1,
        truck_id=row.truck_id,
    )
    world.deliveries.append(row, after, [event], matches=True)


def test_a_corrected_start_changes_the_time_from_which_the_truck_is_shown(world: World) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records([BACKLOG[-1]]))
    first = world.deliveries.get("D-1")
    for one in reversed(BACKLOG[:-1]):
        pipeline.process(world.shard.records([one]))
    world.settle(pipeline)
    row, events = world.deliveries.get("D-1"), world.deliveries.events("D-1")
    moved_off = [one for one in events if one.cause is Cause.MOVED_OFF]

    assert first is not None
    assert row is not None
    assert row.shown_from_ms == moved_off[-1].effective_at_ms
    assert first.shown_from_ms is not None
    assert row.shown_from_ms < first.shown_from_ms
