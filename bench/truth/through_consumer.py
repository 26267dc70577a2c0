"""Our rules as their results reach a customer: through the consumer's batches, stores and log.

The stores are the tests' fakes, so that hundreds of drives take seconds. Each request is one stream
record and one batch. Late and shuffled points are measured this way.
"""

from __future__ import annotations

from bench.truth.drives import START_MS, Drive
from rtdts.tracking.deliveries import Assignment, Cause, Delivery, DeliveryEvent, Status
from tests.support.consumer_world import World

CASES = frozenset({"batched", "late", "late_by", "shuffled"})
_ID, _TRUCK = "D-1", "T-1"


def arrived_s(drive: Drive) -> float | None:
    """When the truck arrived, by the delivery's log once everything has been consumed."""
    world = World()
    _assign(world, drive)
    pipeline = world.pipeline()
    for _, points in drive.requests:
        pipeline.process(world.shard.records(points))
    pipeline.settle(everything=True)
    row = world.deliveries.get(_ID)
    if row is None or row.status is not Status.ARRIVED:
        return None
    events = world.deliveries.events(_ID)
    last = next(event for event in reversed(events) if event.status is Status.ARRIVED)
    return (last.effective_at_ms - START_MS) / 1_000


def _assign(world: World, drive: Drive) -> None:
    made = Delivery(
        delivery_id=_ID,
        customer_id="C-1",
        origin=drive.plan.origin,
        destination=drive.plan.destination,
        status=Status.ASSIGNED,
        version=1,
        assignments=(Assignment(assignment=1, truck_id=_TRUCK, started_at_ms=START_MS),),
        created_at_ms=START_MS,
        updated_at_ms=START_MS,
    )
    event = DeliveryEvent(
        delivery_id=_ID,
        version=1,
        status=Status.ASSIGNED,
        cause=Cause.ASSIGNED,
        effective_at_ms=START_MS,
        recorded_at_ms=START_MS,
        assignment=1,
        truck_id=_TRUCK,
        actor="dispatcher:A",
    )
    world.deliveries.append(None, made, [event], matches=True)
