from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from bench.truth.timeline import timeline
from rtdts.tracking.deliveries import Cause, DeclaredType, DeliveryEvent, PlannedRoute, Status
from rtdts.tracking.delivery_log import (
    CORRECTED_EVENTS,
    Anchor,
    Reconciliation,
    fold_log,
    reconcile,
)
from rtdts.tracking.enrichment import EnrichmentRules
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.status_rules import StatusRules
from tests.support.consumer_world import DESTINATION, ORIGIN, START_MS, point

LATE = fix_of(point(500, 0.0))
ANCHOR = Anchor(1, Status.ASSIGNED, START_MS, START_MS)


def made(status: Status, cause: Cause, second: int) -> Transition:
    return Transition(status, cause, START_MS + second * 1_000, f"T-1:{second}")


OFF_10 = made(Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 10)
OFF_5 = made(Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 5)
THERE = made(Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, 90)


def log(*entries: Transition | DeliveryEvent) -> list[DeliveryEvent]:
    events = [event(1, Status.ASSIGNED, Cause.ASSIGNED, actor="dispatcher:A")]
    for version, entry in enumerate(entries, 2):
        if isinstance(entry, DeliveryEvent):
            events.append(entry)
            continue
        events.append(
            event(
                version,
                entry.status,
                entry.cause,
                point_id=entry.point_id,
                effective_at_ms=entry.effective_at_ms,
            )
        )
    return events


def event(version: int, status: Status, cause: Cause, **more: object) -> DeliveryEvent:
    fields: dict[str, object] = {
        "delivery_id": "D-1",
        "version": version,
        "status": status,
        "cause": cause,
        "effective_at_ms": START_MS,
        "recorded_at_ms": START_MS,
        "assignment": 1,
        "truck_id": "T-1",
    }
    return DeliveryEvent(**{**fields, **more})  # type: ignore[arg-type]


def grown(in_log: Sequence[Transition], expected: Sequence[Transition]) -> tuple[Transition, ...]:
    return reconcile(ANCHOR, in_log, expected, trigger=LATE).append


def test_new_events_are_appended() -> None:
    assert grown([OFF_10], [OFF_10, THERE]) == (THERE,)


def test_existing_events_are_not_appended_again() -> None:
    assert grown([OFF_10, THERE], [OFF_10, THERE]) == ()


def test_a_rule_that_fired_too_late_is_corrected_from_the_first_difference_on() -> None:
    correction, *rest = grown([OFF_10, THERE], [OFF_5, THERE])

    assert (correction.status, correction.cause) == (Status.ASSIGNED, Cause.CORRECTED)
    assert correction.point_id == LATE.point_id
    assert rest == [OFF_5, THERE]


def test_a_rule_that_should_not_have_fired_is_withdrawn() -> None:
    (correction,) = grown([OFF_10, THERE], [OFF_10])

    assert correction.status is Status.EN_ROUTE_TO_PICKUP


def tolerant(
    in_log: Sequence[Transition], expected: Sequence[Transition], *, may_move_times: bool = True
) -> Reconciliation:
    return reconcile(
        ANCHOR,
        in_log,
        expected,
        trigger=LATE,
        tolerance_ms=5_001,
        may_move_times=may_move_times,
    )


def test_a_time_that_changed_by_less_than_the_tolerance_is_not_corrected() -> None:
    reconciled = tolerant([OFF_10], [OFF_5, THERE])

    assert reconciled.append == (THERE,)
    assert reconciled.in_log == (OFF_10, THERE)
    assert not reconciled.has_moved_times


def test_a_time_that_changed_by_more_is_corrected_once_times_may_be_corrected() -> None:
    much_earlier = made(Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 4)

    now = tolerant([OFF_10], [much_earlier])
    later = tolerant([OFF_10], [much_earlier], may_move_times=False)

    assert [one.cause for one in now.append] == [Cause.CORRECTED, Cause.MOVED_OFF]
    assert (later.append, later.in_log, later.has_moved_times) == ((), (OFF_10,), True)


def test_a_changed_status_is_corrected_at_once_even_while_times_may_not_be() -> None:
    much_earlier = made(Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 4)

    reconciled = tolerant([OFF_10, THERE], [much_earlier], may_move_times=False)

    assert [one.cause for one in reconciled.append] == [Cause.CORRECTED, Cause.MOVED_OFF]
    assert not reconciled.has_moved_times


@pytest.mark.parametrize(
    "expected", [[], [OFF_5], [OFF_10], [OFF_10, THERE], [OFF_5, THERE], [THERE]]
)
@pytest.mark.parametrize("in_log", [[], [OFF_10], [OFF_10, THERE], [THERE]])
def test_the_reconciled_log_folds_to_the_expected_transitions(
    in_log: list[Transition], expected: list[Transition]
) -> None:
    appended = grown(in_log, expected)

    assert fold_log(log(*in_log, *appended)).transitions == tuple(expected)


def long(
    in_log: Sequence[Transition], expected: Sequence[Transition], length: int = CORRECTED_EVENTS
) -> Reconciliation:
    return reconcile(ANCHOR, in_log, expected, trigger=LATE, log_length=length)


def test_a_log_is_corrected_only_up_to_a_maximum_length() -> None:
    last = long([OFF_10, THERE], [OFF_10], CORRECTED_EVENTS - 1)

    assert [one.cause for one in last.append] == [Cause.CORRECTED]
    assert long([OFF_10, THERE], [OFF_10]) == Reconciliation(append=(), in_log=(OFF_10, THERE))


def test_a_log_of_maximum_length_still_gets_the_statuses_after_its_last_one() -> None:
    loaded = made(Status.IN_TRANSIT, Cause.IMPLIED, 200)

    beside = long([OFF_10, THERE], [OFF_5, loaded])
    behind = long([OFF_10], [OFF_10, THERE])

    assert (beside.append, beside.in_log) == ((loaded,), (OFF_10, THERE, loaded))
    assert behind.append == (THERE,)


def test_a_log_of_maximum_length_does_not_wait_for_a_pause_to_correct_times() -> None:
    much_earlier = made(Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 4)
    reconciled = reconcile(
        ANCHOR,
        [OFF_10],
        [much_earlier],
        trigger=LATE,
        log_length=CORRECTED_EVENTS,
        may_move_times=False,
    )

    assert reconciled == Reconciliation(append=(), in_log=(OFF_10,))


BACK = made(Status.IN_TRANSIT, Cause.TRANSFERRED, 10)
NEAR = made(Status.NEARBY, Cause.NEAR_DESTINATION, 90)
NEAR_LATER = made(Status.NEARBY, Cause.NEAR_DESTINATION, 100)
DWELT = made(Status.ARRIVED, Cause.DWELT_AT_DESTINATION, 150)
AFTER_A_TRANSFER: tuple[list[Transition], ...] = (
    [],
    [BACK],
    [BACK, NEAR],
    [BACK, NEAR_LATER],
    [BACK, NEAR, DWELT],
    [DWELT],
)


@pytest.mark.parametrize("status", [Status.NEARBY, Status.ARRIVED])
@pytest.mark.parametrize("expected", AFTER_A_TRANSFER)
@pytest.mark.parametrize("in_log", AFTER_A_TRANSFER)
def test_the_reconciled_log_of_a_transfer_folds_to_the_expected_transitions(
    in_log: list[Transition], expected: list[Transition], status: Status
) -> None:
    anchor = Anchor(1, status, START_MS, START_MS, Cause.TRANSFERRED)
    appended = reconcile(anchor, in_log, expected, trigger=LATE).append
    transferred, *following = log(*in_log, *appended)
    transferred = msgspec.structs.replace(transferred, status=status, cause=Cause.TRANSFERRED)
    folded = fold_log([transferred, *following])

    assert folded.anchor == anchor
    assert folded.transitions == tuple(expected)


@pytest.mark.parametrize(("east_m", "back"), [(2_500.0, True), (3_500.0, False)])
def test_a_transferred_delivery_is_in_transit_again_only_far_from_its_destination(
    east_m: float, back: bool
) -> None:
    transferred = Transition(Status.ARRIVED, Cause.TRANSFERRED, START_MS)
    events = timeline(
        PlannedRoute(origin=ORIGIN, destination=DESTINATION),
        [fix_of(point(10, east_m))],
        [transferred],
        status_rules=StatusRules(),
        enrichment_rules=EnrichmentRules(),
    )

    assert [(one.status, one.cause) for one in events[1:]] == (
        [(Status.IN_TRANSIT, Cause.TRANSFERRED)] if back else []
    )


def test_the_fold_of_a_log_restarts_at_a_declaration() -> None:
    picked_up = event(
        4,
        Status.IN_TRANSIT,
        Cause.DECLARED,
        declared=DeclaredType.PICKED_UP,
        actor="truck:T-1",
        effective_at_ms=START_MS + 50_000,
    )

    folded = fold_log(log(OFF_10, THERE, picked_up))

    assert folded.entries == ()
    assert folded.anchor.status is Status.IN_TRANSIT
    assert folded.anchor.from_ms == START_MS + 50_000


def test_a_declaration_effective_before_the_assignment_counts_from_the_assignment() -> None:
    events = [
        event(1, Status.ASSIGNED, Cause.ASSIGNED),
        event(2, Status.ASSIGNED, Cause.ASSIGNED, assignment=2, effective_at_ms=START_MS + 60_000),
        event(
            3, Status.IN_TRANSIT, Cause.DECLARED, assignment=2, effective_at_ms=START_MS + 20_000
        ),
    ]

    anchor = fold_log(events).anchor

    assert anchor.effective_at_ms == START_MS + 20_000
    assert anchor.from_ms == START_MS + 60_000


def test_a_changed_plan_is_a_declaration_and_no_correction_of_a_rule() -> None:
    changed = event(3, Status.EN_ROUTE_TO_PICKUP, Cause.CORRECTED, actor="dispatcher:A")

    folded = fold_log(log(OFF_10, changed))

    assert folded.entries == ()
    assert folded.anchor.version == 3
    assert folded.anchor.status is Status.EN_ROUTE_TO_PICKUP


def test_a_log_without_an_assignment_is_invalid() -> None:
    with pytest.raises(ValueError, match="assignment"):
        fold_log([])
