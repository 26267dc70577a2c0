from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from delivery_lambda.decisions import (
    ANY_VERSION,
    CLOCK_TOLERANCE_MS,
    MAX_TRUCK_PICKUPS,
    Change,
    Declaration,
    DeliverySpec,
    Reason,
    Rejection,
    Unchanged,
    decide_declaration,
    decide_plan,
)
from rtdts.tracking.deliveries import (
    BEFORE_PICKUP,
    CLOSED,
    UNDER_WAY,
    Assignment,
    Cause,
    DeclaredType,
    Delivery,
    DeliveryEvent,
    Doubt,
    Place,
    Status,
    TimeWindow,
)
from rtdts.tracking.visibility import DEFAULT_VISIBILITY, EnRoute, NextStop, WithinTime
from tests.support.deliveries import DESTINATION, NOW_MS, ORIGIN, event_of, moved_to, new_delivery

LATER_MS = NOW_MS + 600_000
PLAN = DeliverySpec(truck_id="T-0012", customer_id="C-88", origin=ORIGIN, destination=DESTINATION)
OPEN = frozenset(Status) - CLOSED


def plan(before: Delivery | None, expected: DeliverySpec, **more: Any) -> Any:
    arguments = {"expected_version": None, "actor": "dispatcher:ann", "now_ms": LATER_MS, **more}
    return decide_plan(before, "D-1", expected, **arguments)


def at_status(status: Status) -> Delivery:
    return moved_to(new_delivery(delivery_id="D-1"), status)


def declaration(what: DeclaredType, **more: Any) -> Declaration:
    made = Declaration(
        type=what, at_ms=None, note=None, proof=None, idempotency_key="k-1", request_hash="h-1"
    )
    return dataclasses.replace(made, **more)


def declare(delivery: Delivery, output: Declaration, log: Sequence[DeliveryEvent] = ()) -> Any:
    return decide_declaration(delivery, log, output, actor="truck:T-0012", now_ms=LATER_MS)


def test_a_new_delivery_is_assigned_from_this_moment_on() -> None:
    change = plan(None, PLAN)

    assert change.before is None
    assert change.after.status is Status.ASSIGNED
    assert change.after.version == 1
    assert change.after.assignments == (
        Assignment(assignment=1, truck_id="T-0012", started_at_ms=LATER_MS),
    )
    (event,) = change.events
    assert (event.version, event.cause, event.actor) == (1, Cause.ASSIGNED, "dispatcher:ann")
    assert (event.effective_at_ms, event.recorded_at_ms) == (LATER_MS, LATER_MS)
    assert (event.truck_id, event.assignment) == ("T-0012", 1)


def test_the_same_plan_again_changes_nothing() -> None:
    before = new_delivery()

    assert plan(before, PLAN) == Unchanged(delivery=before)


@pytest.mark.parametrize(
    "changed",
    [
        {"customer_id": "C-99"},
        {"origin": Place(lat=ORIGIN.lat, lon=ORIGIN.lon, radius_m=101.0)},
        {"destination": Place(lat=DESTINATION.lat, lon=DESTINATION.lon, radius_m=101.0)},
        {"window": TimeWindow(start_ms=NOW_MS, end_ms=LATER_MS)},
        {"visibility": WithinTime(minutes=30)},
        {"stop_sequence": 3},
    ],
)
@pytest.mark.parametrize("status", sorted(OPEN))
def test_another_plan_with_the_same_truck_keeps_the_status(
    status: Status, changed: dict[str, Any]
) -> None:
    before = at_status(status)
    change = plan(before, dataclasses.replace(PLAN, **changed))

    assert change.before == before
    assert change.after.status is status
    assert change.after.version == before.version + 1
    assert change.after.assignments == before.assignments
    for name, value in changed.items():
        assert getattr(change.after, name) == value
    (event,) = change.events
    assert (event.cause, event.status) == (Cause.CORRECTED, status)


def test_by_default_a_customer_sees_the_truck_once_its_stop_is_next() -> None:
    assert NextStop() == DEFAULT_VISIBILITY
    assert plan(None, PLAN).after.visibility == NextStop()


def test_a_new_delivery_shows_its_customer_nothing_yet() -> None:
    after = plan(None, PLAN).after

    assert after.shown_from_ms is None
    assert (after.customer_since_ms, after.customer_since_version) == (LATER_MS, 1)


@pytest.mark.parametrize(
    "changed",
    [{"customer_id": "C-99"}, {"truck_id": "T-2"}, {"visibility": EnRoute()}],
    ids=str,
)
def test_another_customer_truck_or_policy_shows_nothing_from_before_the_change(
    changed: dict[str, Any],
) -> None:
    before = msgspec.structs.replace(at_status(Status.IN_TRANSIT), shown_from_ms=NOW_MS + 1_000)
    after = plan(before, dataclasses.replace(PLAN, **changed)).after
    other_window = dataclasses.replace(PLAN, window=TimeWindow(start_ms=NOW_MS, end_ms=LATER_MS))

    assert after.shown_from_ms == LATER_MS
    assert plan(before, other_window).after.shown_from_ms == NOW_MS + 1_000


def test_only_another_customer_restarts_the_customers_time() -> None:
    before = at_status(Status.IN_TRANSIT)
    given = plan(before, dataclasses.replace(PLAN, customer_id="C-99")).after
    changed = plan(given, dataclasses.replace(PLAN, customer_id="C-99", stop_sequence=3)).after

    for after in (given, changed):
        assert after.customer_since_ms == LATER_MS
        assert after.customer_since_version == before.version + 1


def test_nothing_is_shown_after_another_truck_resets_the_status_to_assigned() -> None:
    before = msgspec.structs.replace(at_status(Status.AT_PICKUP), shown_from_ms=NOW_MS + 1_000)

    assert plan(before, dataclasses.replace(PLAN, truck_id="T-2")).after.shown_from_ms is None


@pytest.mark.parametrize(
    ("what", "shown_from_ms"),
    [(DeclaredType.PICKED_UP, LATER_MS - 5), (DeclaredType.DELIVERED, None)],
)
def test_a_pickup_shows_the_truck_from_then_on_and_an_end_shows_nothing_new(
    what: DeclaredType, shown_from_ms: int | None
) -> None:
    change = declare(new_delivery(), declaration(what, at_ms=LATER_MS - 5))

    assert change.after.shown_from_ms == shown_from_ms


@pytest.mark.parametrize("truck_id", ["T-0012", "T-2"])
@pytest.mark.parametrize("status", sorted(UNDER_WAY))
def test_a_moved_destination_resets_the_status_to_in_transit(status: Status, truck_id: str) -> None:
    elsewhere = dataclasses.replace(
        PLAN, truck_id=truck_id, destination=Place(lat=1.0, lon=2.0), customer_id="C-99"
    )
    change = plan(at_status(status), elsewhere)

    assert change.after.status is Status.IN_TRANSIT
    assert [event.status for event in change.events] == [Status.IN_TRANSIT]
    assert change.events[0].cause is (
        Cause.CORRECTED if truck_id == "T-0012" else Cause.TRANSFERRED
    )


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (Status.ASSIGNED, Status.ASSIGNED),
        (Status.EN_ROUTE_TO_PICKUP, Status.EN_ROUTE_TO_PICKUP),
        (Status.AT_PICKUP, Status.EN_ROUTE_TO_PICKUP),
        (Status.IN_TRANSIT, Status.IN_TRANSIT),
        (Status.ARRIVED, Status.ARRIVED),
    ],
)
def test_a_moved_origin_changes_the_status_only_if_the_truck_is_at_the_pickup(
    status: Status, then: Status
) -> None:
    change = plan(at_status(status), dataclasses.replace(PLAN, origin=Place(lat=1.0, lon=2.0)))

    assert change.after.status is then


@pytest.mark.parametrize("status", sorted(BEFORE_PICKUP))
def test_another_truck_before_pickup_resets_the_status_to_assigned(status: Status) -> None:
    before = at_status(status)
    change = plan(before, dataclasses.replace(PLAN, truck_id="T-2"))

    assert change.after.status is Status.ASSIGNED
    assert change.after.assignments == (
        Assignment(assignment=1, truck_id="T-0012", started_at_ms=NOW_MS, ended_at_ms=LATER_MS),
        Assignment(assignment=2, truck_id="T-2", started_at_ms=LATER_MS),
    )
    (event,) = change.events
    assert (event.cause, event.truck_id, event.assignment) == (Cause.ASSIGNED, "T-2", 2)


@pytest.mark.parametrize("status", sorted(UNDER_WAY))
def test_another_truck_after_pickup_is_a_transfer(status: Status) -> None:
    change = plan(at_status(status), dataclasses.replace(PLAN, truck_id="T-2", customer_id="C-9"))

    assert change.after.status is status
    assert change.after.truck_id == "T-2"
    assert change.after.customer_id == "C-9"
    assert [event.cause for event in change.events] == [Cause.TRANSFERRED]


def test_no_assignment_ends_before_it_began_even_if_clocks_differ() -> None:
    before = new_delivery()
    change = plan(before, dataclasses.replace(PLAN, truck_id="T-2"), now_ms=NOW_MS - 5_000)
    ended, begun = change.after.assignments

    assert ended.ended_at_ms == begun.started_at_ms == NOW_MS
    assert change.events[0].effective_at_ms == NOW_MS
    assert change.after.updated_at_ms == NOW_MS


def test_a_later_change_takes_effect_no_earlier_even_if_clocks_differ() -> None:
    picked_up = declare(new_delivery(), declaration(DeclaredType.PICKED_UP))
    transfer = plan(
        picked_up.after, dataclasses.replace(PLAN, truck_id="T-2"), now_ms=LATER_MS - 5_000
    )

    assert transfer.events[0].effective_at_ms == LATER_MS


def test_a_pickup_declared_for_before_a_plan_change_takes_effect_with_that_change() -> None:
    created = plan(None, PLAN, now_ms=NOW_MS)
    moved = moved_to(created.after, Status.EN_ROUTE_TO_PICKUP)
    moved_event = event_of(moved, point_id="T-0012:1:2", effective_at_ms=NOW_MS + 500_000)
    changed = plan(moved, dataclasses.replace(PLAN, customer_id="C-99"), now_ms=NOW_MS + 300_000)
    log = (*created.events, moved_event, *changed.events)
    late = declaration(DeclaredType.PICKED_UP, at_ms=NOW_MS + 200_000)

    assert declare(changed.after, late, log).events[0].effective_at_ms == NOW_MS + 300_000


def test_a_pickup_takes_effect_just_after_a_plan_change_that_kept_nearby() -> None:
    nearby = at_status(Status.NEARBY)
    changed = plan(nearby, dataclasses.replace(PLAN, customer_id="C-99"))
    log = (event_of(new_delivery(delivery_id="D-1")), event_of(nearby, point_id="p"))
    change = declare(changed.after, declaration(DeclaredType.PICKED_UP), (*log, *changed.events))

    assert change.events[0].effective_at_ms == LATER_MS + 1
    assert change.after.updated_at_ms == LATER_MS + 1


def test_an_end_reported_late_has_its_declared_time() -> None:
    created = plan(None, PLAN, now_ms=NOW_MS)
    changed = plan(created.after, dataclasses.replace(PLAN, customer_id="C-99"))
    late = declaration(DeclaredType.FAILED, at_ms=NOW_MS + 200_000)
    change = declare(changed.after, late, (*created.events, *changed.events))

    assert change.after.closed_at_ms == NOW_MS + 200_000
    assert change.after.end_recorded_at_ms == LATER_MS


def drive() -> tuple[Delivery, tuple[DeliveryEvent, ...]]:
    """A delivery that is on its way to the destination, and its log."""
    created = plan(None, PLAN, now_ms=NOW_MS)
    row, log = created.after, list(created.events)
    for status, cause, after_s in (
        (Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 100),
        (Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, 200),
        (Status.IN_TRANSIT, Cause.LEFT_ORIGIN, 300),
    ):
        row = moved_to(row, status)
        at_ms = NOW_MS + after_s * 1_000
        log.append(event_of(row, cause=cause, point_id=f"p{after_s}", effective_at_ms=at_ms))
    return row, tuple(log)


def test_an_end_that_the_sensors_contradict_is_accepted_flagged_and_hides_nothing() -> None:
    row, log = drive()
    change = declare(row, declaration(DeclaredType.DELIVERED, at_ms=NOW_MS), log)
    (event,) = change.events

    assert event.effective_at_ms == NOW_MS
    assert event.doubts == (Doubt.NOT_SEEN_NEAR_DESTINATION, Doubt.BEFORE_LAST_MOVEMENT)
    assert change.after.closed_at_ms == LATER_MS


@pytest.mark.parametrize("status", [Status.NEARBY, Status.ARRIVED])
def test_an_end_where_the_sensors_saw_the_truck_is_not_doubted(status: Status) -> None:
    row, log = drive()
    row = moved_to(row, status)
    near = event_of(
        row, cause=Cause.NEAR_DESTINATION, point_id="p400", effective_at_ms=NOW_MS + 400_000
    )
    change = declare(row, declaration(DeclaredType.DELIVERED, at_ms=NOW_MS + 400_000), (*log, near))

    assert change.events[0].doubts == ()
    assert change.after.closed_at_ms == NOW_MS + 400_000


def test_a_movement_before_a_change_of_the_plan_still_contradicts_an_end() -> None:
    row, log = drive()
    changed = plan(row, dataclasses.replace(PLAN, customer_id="C-99"), now_ms=NOW_MS + 350_000)
    output = declaration(DeclaredType.FAILED, at_ms=NOW_MS + 299_000)

    assert declare(changed.after, output, (*log, *changed.events)).events[0].doubts == (
        Doubt.BEFORE_LAST_MOVEMENT,
    )


def test_a_movement_that_was_withdrawn_contradicts_nothing() -> None:
    row, log = drive()
    back = moved_to(row, Status.AT_PICKUP)
    withdrawn = event_of(back, cause=Cause.CORRECTED, point_id="p301", effective_at_ms=NOW_MS)
    output = declaration(DeclaredType.FAILED, at_ms=NOW_MS + 299_000)

    assert declare(back, output, (*log, withdrawn)).events[0].doubts == ()


def test_a_pickup_where_the_truck_was_not_seen_is_accepted_and_flagged() -> None:
    change = declare(at_status(Status.EN_ROUTE_TO_PICKUP), declaration(DeclaredType.PICKED_UP))

    assert change.events[0].doubts == (Doubt.NOT_SEEN_AT_ORIGIN,)


def test_a_truck_may_not_declare_for_the_time_before_its_assignment() -> None:
    row, log = drive()
    given = plan(row, dataclasses.replace(PLAN, truck_id="T-2"), now_ms=NOW_MS + 350_000)
    output = declaration(DeclaredType.DELIVERED, at_ms=NOW_MS + 349_999)
    rejection = declare(given.after, output, (*log, *given.events))

    assert (rejection.reason, rejection.field) == (Reason.BEFORE_ASSIGNMENT, "at")


@pytest.mark.parametrize("status", sorted(CLOSED))
def test_a_closed_delivery_does_not_change(status: Status) -> None:
    for expected in (PLAN, dataclasses.replace(PLAN, truck_id="T-2")):
        rejection = plan(at_status(status), expected)

        assert rejection.reason is Reason.CLOSED
        assert status in rejection.detail


@pytest.mark.parametrize(
    ("exists", "expected", "rejected"),
    [
        (True, 1, False),
        (True, ANY_VERSION, False),
        (True, 2, True),
        (True, 0, True),
        (False, 1, True),
        (False, ANY_VERSION, True),
    ],
)
def test_the_expected_version_is_compared_with_the_deliverys_version(
    exists: bool, expected: int | str, rejected: bool
) -> None:
    before = new_delivery() if exists else None
    decision = plan(
        before, dataclasses.replace(PLAN, customer_id="C-99"), expected_version=expected
    )

    if rejected:
        assert decision.reason is Reason.OTHER_VERSION
    else:
        assert isinstance(decision, Change)


LEGAL = {
    DeclaredType.PICKED_UP: OPEN - {Status.ARRIVED},
    DeclaredType.DELIVERED: OPEN,
    DeclaredType.FAILED: OPEN,
    DeclaredType.CANCELLED: OPEN,
}
RESULT = {
    DeclaredType.PICKED_UP: Status.IN_TRANSIT,
    DeclaredType.DELIVERED: Status.DELIVERED,
    DeclaredType.FAILED: Status.FAILED,
    DeclaredType.CANCELLED: Status.CANCELLED,
}


@pytest.mark.parametrize("what", list(DeclaredType))
@pytest.mark.parametrize("status", list(Status))
def test_a_declaration_is_legal_from_some_statuses_only(status: Status, what: DeclaredType) -> None:
    before = at_status(status)
    decision = declare(before, declaration(what, note="n", proof="p"))

    if status not in LEGAL[what]:
        assert isinstance(decision, Rejection)
        assert decision.reason is Reason.ILLEGAL_STATUS
        return
    assert decision.after.status is RESULT[what]
    assert decision.after.version == before.version + 1
    assert decision.after.closed_at_ms == (LATER_MS if RESULT[what] in CLOSED else None)
    (event,) = decision.events
    assert event == event_of(
        decision.after,
        cause=Cause.DECLARED,
        declared=what,
        actor="truck:T-0012",
        note="n",
        proof="p",
        idempotency_key="k-1",
        request_hash="h-1",
        effective_at_ms=LATER_MS,
        recorded_at_ms=LATER_MS,
        doubts=event.doubts,
    )


def test_a_declaration_has_the_declared_time() -> None:
    change = declare(
        at_status(Status.ARRIVED), declaration(DeclaredType.DELIVERED, at_ms=LATER_MS - 60_000)
    )

    assert change.events[0].effective_at_ms == LATER_MS - 60_000
    assert change.events[0].recorded_at_ms == LATER_MS
    assert change.after.closed_at_ms == LATER_MS - 60_000


@pytest.mark.parametrize(
    ("at_ms", "reason"),
    [
        (NOW_MS - 1, Reason.BEFORE_ASSIGNMENT),
        (NOW_MS, None),
        (LATER_MS + CLOCK_TOLERANCE_MS, None),
        (LATER_MS + CLOCK_TOLERANCE_MS + 1, Reason.NOT_YET),
    ],
)
def test_a_declared_time_must_be_between_the_assignment_and_now(
    at_ms: int, reason: Reason | None
) -> None:
    decision = declare(new_delivery(), declaration(DeclaredType.PICKED_UP, at_ms=at_ms))

    if reason is None:
        assert decision.events[0].effective_at_ms == min(at_ms, LATER_MS)
    else:
        assert (decision.reason, decision.field) == (reason, "at")


def test_a_repeated_declaration_changes_nothing_whatever_came_after_it() -> None:
    output = declaration(DeclaredType.PICKED_UP)
    change = declare(new_delivery(), output)
    afterwards = moved_to(change.after, Status.DELIVERED)

    assert declare(afterwards, output, change.events) == Unchanged(delivery=afterwards)


def test_a_key_cannot_be_reused_for_another_declaration() -> None:
    change = declare(new_delivery(), declaration(DeclaredType.PICKED_UP))
    other = declaration(DeclaredType.PICKED_UP, request_hash="h-2")

    assert declare(change.after, other, change.events).reason is Reason.KEY_REUSED


def test_a_truck_may_declare_ten_pickups_and_a_dispatcher_any_number() -> None:
    """Only pickups do not end the delivery: without a limit, a truck could grow its log freely."""
    row, log = new_delivery(), list[DeliveryEvent]()
    for n in range(MAX_TRUCK_PICKUPS):
        change = declare(row, declaration(DeclaredType.PICKED_UP, idempotency_key=f"k-{n}"), log)
        row, log = change.after, [*log, *change.events]
    once_more = declaration(DeclaredType.PICKED_UP, idempotency_key="k-more")

    rejected = declare(row, once_more, log)
    by_dispatcher = decide_declaration(row, log, once_more, actor="dispatcher:A", now_ms=LATER_MS)
    delivered = declare(row, declaration(DeclaredType.DELIVERED, idempotency_key="k-end"), log)

    assert rejected.reason is Reason.ILLEGAL_STATUS
    assert isinstance(by_dispatcher, Change)
    assert delivered.after.status is Status.DELIVERED


def test_decisions_do_not_change_their_arguments() -> None:
    before = new_delivery()
    copy = msgspec.structs.replace(before)
    plan(before, dataclasses.replace(PLAN, truck_id="T-2"))
    declare(before, declaration(DeclaredType.CANCELLED))

    assert before == copy
