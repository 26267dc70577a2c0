"""Which of a truck's deliveries is its current one, and from when on it is late."""

from __future__ import annotations

import pytest

from rtdts.tracking.current_delivery import (
    CarriedDelivery,
    CurrentDelivery,
    current_delivery,
    promise_of,
)
from rtdts.tracking.deliveries import Promise, Status, TimeWindow
from tests.support.deliveries import NOW_MS, new_delivery

END_MS = NOW_MS + 60_000


def carried(
    delivery_id: str = "D-1",
    status: Status = Status.IN_TRANSIT,
    *,
    end_ms: int | None = None,
    stop: int | None = None,
    due_ms: int = 0,
    eta_ms: int | None = None,
) -> CarriedDelivery:
    promise = Promise(end_ms, stop, due_ms)
    return CarriedDelivery(
        delivery_id=delivery_id, status=status, promise=promise, eta_earliest_ms=eta_ms
    )


def of(*deliveries: CarriedDelivery) -> CurrentDelivery | None:
    return current_delivery(deliveries, known_at_ms=NOW_MS)


@pytest.mark.parametrize(
    ("deliveries", "current"),
    [
        ([], None),
        ([carried("D-1", Status.DELIVERED), carried("D-2", Status.CANCELLED)], None),
        ([carried("D-1", Status.ASSIGNED), carried("D-2", Status.NEARBY)], "D-2"),
        ([carried("D-1", Status.ARRIVED), carried("D-2", Status.NEARBY)], "D-1"),
        ([carried("D-1", stop=2), carried("D-2", stop=1), carried("D-3")], "D-2"),
        ([carried("D-1", due_ms=2), carried("D-2", due_ms=1)], "D-2"),
        ([carried("D-2"), carried("D-1")], "D-1"),
    ],
)
def test_the_current_delivery_is_the_furthest_advanced_and_then_the_next_stop(
    deliveries: list[CarriedDelivery], current: str | None
) -> None:
    found = of(*deliveries)

    assert (found and found.delivery_id) == current


@pytest.mark.parametrize(
    ("one", "late_from_ms"),
    [
        (carried(), None),
        (carried(end_ms=END_MS), END_MS),
        (carried(end_ms=END_MS, eta_ms=END_MS), END_MS),
        (carried(end_ms=END_MS, eta_ms=END_MS + 1), NOW_MS),
        (carried(end_ms=NOW_MS - 1, eta_ms=NOW_MS), NOW_MS - 1),
        (carried(status=Status.ARRIVED, end_ms=NOW_MS - 1), None),
        (carried(status=Status.ASSIGNED, end_ms=END_MS), END_MS),
    ],
)
def test_a_delivery_is_late_from_its_windows_end_or_once_its_eta_is_after_it(
    one: CarriedDelivery, late_from_ms: int | None
) -> None:
    found = of(one)

    assert found is not None
    assert found.late_from_ms == late_from_ms


def test_a_promise_comes_from_the_plan() -> None:
    window = TimeWindow(start_ms=NOW_MS, end_ms=END_MS)

    assert promise_of(new_delivery(window=window, stop_sequence=3)) == Promise(END_MS, 3, NOW_MS)
    plain = new_delivery()
    assert promise_of(plain) == Promise(None, None, plain.created_at_ms)
