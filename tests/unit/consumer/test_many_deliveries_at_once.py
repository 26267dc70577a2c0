"""A truck with a load for many customers: its deliveries change together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rtdts.delivery_store.errors import StoreBusy
from rtdts.delivery_store.transactions import MAX_WRITES_TOGETHER
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from tests.fakes.scripted_client import client_error
from tests.support.consumer_world import START_MS, World, drive
from tests.support.deliveries import event_of, moved_to

DELIVERIES = 120
IDS = [f"D-{number:03d}" for number in range(DELIVERIES)]
FIRST = drive()[:2]
"""The truck moves off."""
LEFT = drive()[2:15]
"""It comes to the origin, waits, and leaves it."""


@pytest.fixture
def world() -> World:
    world = World()
    for delivery_id in IDS:
        world.assign(delivery_id)
    return world


def test_many_deliveries_of_a_truck_are_read_and_appended_to_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(world.deliveries.transactions)
    monkeypatch.setattr(world.deliveries, "get", _never("get"))
    monkeypatch.setattr(world.deliveries, "append", _never("append"))

    world.pipeline().process(world.shard.records(*[[one] for one in (*FIRST, *LEFT)]))

    written = world.deliveries.transactions[before:]
    events = sum(len(world.statuses(one)) - 1 for one in IDS)
    assert all(world.statuses(one)[-1] is Status.IN_TRANSIT for one in IDS)
    assert sum(written) == DELIVERIES + events
    assert len(written) <= -(-sum(written) // (MAX_WRITES_TOGETHER - 4))


def test_each_of_many_changed_deliveries_gets_one_nudge(world: World) -> None:
    world.pipeline().process(world.shard.records(*[[one] for one in FIRST]))

    nudged = [one.delivery_id for one in world.nudges.sent if isinstance(one, TransitionNudge)]
    assert sorted(nudged) == IDS


def test_a_declaration_on_one_of_many_deliveries_is_respected_and_the_others_proceed(
    world: World,
) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in FIRST]))

    def cancel() -> None:
        row = world.deliveries.get(IDS[0])
        assert row is not None
        after = moved_to(row, Status.CANCELLED)
        event = event_of(after, cause=Cause.DECLARED, effective_at_ms=START_MS + 15_000)
        world.deliveries.append(row, after, [event], matches=True)

    world.deliveries.before_append.append(cancel)
    pipeline.process(world.shard.records(*[[one] for one in LEFT]))

    assert world.statuses(IDS[0])[-1] is Status.CANCELLED
    assert {world.statuses(one)[-1] for one in IDS[1:]} == {Status.IN_TRANSIT}


def test_rejected_events_of_one_of_many_deliveries_are_parked_and_the_others_proceed(
    world: World,
) -> None:
    world.deliveries.rejections[IDS[7]] = client_error("ValidationException")

    world.pipeline().process(world.shard.records(*[[one] for one in (*FIRST, *LEFT)]))

    assert world.statuses(IDS[7]) == [Status.ASSIGNED]
    assert {world.statuses(one)[-1] for one in IDS if one != IDS[7]} == {Status.IN_TRANSIT}
    assert [*world.parking.parked] == [f"delivery-{IDS[7]}-2"]


def test_an_event_written_without_a_response_is_nudged_and_not_written_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_together = world.deliveries.append_together

    def losing(changes: object) -> None:
        monkeypatch.undo()
        append_together(changes)  # type: ignore[arg-type]
        raise StoreBusy("append", ("TransactionConflict",))

    monkeypatch.setattr(world.deliveries, "append_together", losing)
    world.pipeline().process(world.shard.records(*[[one] for one in FIRST]))

    assert {tuple(world.statuses(one)) for one in IDS} == {
        (Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP)
    }
    nudged = {one.delivery_id for one in world.nudges.sent if isinstance(one, TransitionNudge)}
    assert nudged == {*IDS}


def _never(name: str) -> Callable[..., None]:
    def called(*_args: object, **_more: object) -> None:
        raise AssertionError(f"{name}: one by one")

    return called
