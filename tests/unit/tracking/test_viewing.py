from __future__ import annotations

import msgspec
import pytest

from rtdts.tracking.deliveries import Assignment, Delivery, Place, Status
from rtdts.tracking.positions import (
    DeliveryProgress,
    ShownLatest,
    ShownPoint,
    TrackPoint,
    TruckInterval,
)
from rtdts.tracking.viewing import (
    Access,
    Ended,
    EndReason,
    MayView,
    Right,
    closed_interval,
    may_show,
    position_to_show,
    right_to_view,
    shown_interval_ms,
    track_to_show,
)

NOW_MS = 1_800_000_000_000
START_MS = NOW_MS - 3_600_000


def delivery(**changes: object) -> Delivery:
    whole = Delivery(
        delivery_id="D-1",
        customer_id="C-1",
        origin=Place(lat=35.1, lon=129.0),
        destination=Place(lat=35.2, lon=129.1),
        status=Status.IN_TRANSIT,
        version=4,
        assignments=(Assignment(assignment=1, truck_id="T-1", started_at_ms=START_MS),),
        created_at_ms=START_MS,
        updated_at_ms=NOW_MS - 60_000,
    )
    return msgspec.structs.replace(whole, **changes)


def right(
    of: Delivery | None,
    *,
    role: str = "customer",
    identity: str = "C-1",
    expires_in_ms: int = 60_000,
    now_ms: int = NOW_MS,
) -> Right:
    return right_to_view(
        of,
        role=role,
        identity=identity,
        token_expires_at_ms=NOW_MS + expires_in_ms,
        now_ms=now_ms,
        viewing_minutes=30,
    )


def latest(truck_id: str = "T-1", event_at_ms: int = NOW_MS - 5_000) -> ShownLatest:
    point = ShownPoint(
        truck_id=truck_id,
        recorded_at_ms=event_at_ms,
        lat=35.15,
        lon=129.05,
        event_at_ms=event_at_ms,
    )
    return ShownLatest(point=point)


FULL = MayView(access=Access.FULL)


def test_its_customer_and_any_dispatcher_see_all_of_a_delivery_under_way() -> None:
    assert right(delivery()) == FULL
    assert right(delivery(), role="dispatcher", identity="someone") == FULL


@pytest.mark.parametrize(
    ("role", "identity"),
    [("customer", "C-2"), ("truck", "T-1"), ("truck", "C-1"), ("", "C-1"), ("customer", "")],
)
def test_nobody_else_has_a_right(role: str, identity: str) -> None:
    assert right(delivery(), role=role, identity=identity) == Ended(
        reason=EndReason.NO_LONGER_YOURS
    )


def test_while_assigned_a_customer_gets_the_status_alone_and_a_dispatcher_all() -> None:
    waiting = delivery(status=Status.ASSIGNED)

    assert right(waiting) == MayView(access=Access.STATUS_ONLY)
    assert right(waiting, role="dispatcher", identity="x") == FULL


def test_a_token_ends_at_its_expiry_and_not_before() -> None:
    assert right(delivery(), expires_in_ms=1) == FULL
    assert right(delivery(), expires_in_ms=0) == Ended(reason=EndReason.TOKEN_EXPIRED)


@pytest.mark.parametrize("role", ["customer", "dispatcher"])
def test_a_cancelled_delivery_ends_at_once(role: str) -> None:
    cancelled = delivery(status=Status.CANCELLED, closed_at_ms=NOW_MS)

    assert right(cancelled, role=role) == Ended(reason=EndReason.CANCELLED)


def test_who_lost_the_delivery_is_not_told_how_it_ended() -> None:
    cancelled = delivery(status=Status.CANCELLED, closed_at_ms=NOW_MS)

    assert right(cancelled, identity="C-2") == Ended(reason=EndReason.NO_LONGER_YOURS)


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.FAILED])
def test_a_delivery_that_came_to_its_end_stays_for_the_viewing_minutes(status: Status) -> None:
    recorded_at_ms = NOW_MS - 30 * 60_000 + 1
    closed = delivery(status=status, closed_at_ms=START_MS, updated_at_ms=recorded_at_ms)

    assert right(closed) == FULL
    assert right(closed, now_ms=NOW_MS + 1) == Ended(reason=EndReason.VIEWING_OVER)


def test_a_delivery_that_is_not_there_any_more_ends() -> None:
    assert right(None) == Ended(reason=EndReason.NO_LONGER_YOURS)


def test_only_the_endings_of_ones_own_delivery_may_tell_their_status() -> None:
    told = {reason for reason in EndReason if Ended(reason=reason).last_status_may_be_told}

    assert told == {EndReason.CANCELLED, EndReason.VIEWING_OVER}


TRANSFERRED = delivery(
    assignments=(
        Assignment(
            assignment=1, truck_id="T-1", started_at_ms=START_MS, ended_at_ms=NOW_MS - 60_000
        ),
        Assignment(assignment=2, truck_id="T-2", started_at_ms=NOW_MS - 60_000),
    )
)


def test_after_a_transfer_only_the_new_truck_is_shown_and_only_since_then() -> None:
    assert position_to_show(TRANSFERRED, latest("T-1")) is None
    assert position_to_show(TRANSFERRED, latest("T-2", NOW_MS - 60_001)) is None
    shown = position_to_show(TRANSFERRED, latest("T-2", NOW_MS - 60_000))

    assert shown is not None
    assert shown.point.truck_id == "T-2"


def test_what_the_truck_does_after_the_delivery_closed_is_not_shown() -> None:
    closed_at_ms = NOW_MS - 60_000
    closed = delivery(status=Status.DELIVERED, closed_at_ms=closed_at_ms)

    assert shown_interval_ms(closed) == (START_MS, closed_at_ms)
    assert may_show(closed, truck_id="T-1", counts_at_ms=closed_at_ms - 1)
    assert not may_show(closed, truck_id="T-1", counts_at_ms=closed_at_ms)
    assert position_to_show(closed, latest(event_at_ms=closed_at_ms + 5)) is None


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.FAILED])
def test_a_delivery_that_came_to_its_end_shows_its_truck_as_it_was_then(status: Status) -> None:
    closed = delivery(status=status, closed_at_ms=NOW_MS - 60_000)
    then = closed_interval(closed)

    assert then == TruckInterval(truck_id="T-1", start_ms=START_MS, end_ms=NOW_MS - 60_000)
    assert position_to_show(closed, latest(event_at_ms=then.end_ms - 1)) is not None


SLOW_MS = 3 * 3_600_000


def slow(counts_at_ms: int, truck_id: str = "T-1") -> ShownLatest:
    """A point of a truck whose clock is slow by three hours."""
    shown = latest(truck_id, counts_at_ms - SLOW_MS)
    point = msgspec.structs.replace(shown.point, clock_lag_ms=SLOW_MS)
    return msgspec.structs.replace(shown, point=point)


def test_a_truck_with_a_slow_clock_is_shown_from_when_it_was_assigned_to_when_it_ended() -> None:
    closed = delivery(status=Status.DELIVERED, closed_at_ms=NOW_MS - 60_000)

    assert position_to_show(delivery(), slow(START_MS - 1)) is None
    assert position_to_show(delivery(), slow(START_MS)) is not None
    assert position_to_show(closed, slow(NOW_MS - 60_001)) is not None
    assert position_to_show(closed, slow(NOW_MS - 60_000)) is None


def test_a_track_of_a_slow_clock_is_cut_by_ours() -> None:
    points = [
        TrackPoint(35.0, 129.0, counts_at_ms - SLOW_MS, SLOW_MS)
        for counts_at_ms in (START_MS - 1, START_MS, NOW_MS)
    ]

    assert track_to_show(delivery(), points) == tuple(points[1:])


def test_of_an_open_or_a_cancelled_delivery_there_is_no_such_time() -> None:
    assert closed_interval(delivery()) is None
    assert closed_interval(delivery(status=Status.CANCELLED, closed_at_ms=NOW_MS)) is None


def test_the_position_shown_is_the_last_good_one_and_says_since_when_it_is_stale() -> None:
    fresh = latest(event_at_ms=NOW_MS - 20_000)
    stale = msgspec.structs.replace(fresh, stale_since_ms=NOW_MS - 10_000)
    shown = position_to_show(delivery(), stale)

    assert shown is not None
    assert shown.point.event_at_ms == NOW_MS - 20_000
    assert shown.stale_since_ms == NOW_MS - 10_000


def test_a_truck_without_a_good_position_shows_none() -> None:
    assert position_to_show(delivery(), None) is None


def test_the_position_shown_carries_the_eta_of_this_delivery_and_no_other() -> None:
    progress = tuple(
        DeliveryProgress(
            delivery_id=delivery_id,
            distance_remaining_m=700.0 * number,
            eta_earliest_ms=NOW_MS + number,
            eta_latest_ms=NOW_MS + 10 * number,
        )
        for number, delivery_id in enumerate(("D-2", "D-1"), start=1)
    )
    shown = position_to_show(delivery(), msgspec.structs.replace(latest(), deliveries=progress))

    assert shown is not None
    assert (shown.eta_earliest_ms, shown.eta_latest_ms) == (NOW_MS + 2, NOW_MS + 20)
    assert shown.eta_remaining_m == 1_400.0


def test_a_track_is_cut_to_the_assignment() -> None:
    inside = TrackPoint(lat=35.0, lon=129.0, event_at_ms=NOW_MS - 60_000)
    before = TrackPoint(lat=35.0, lon=129.0, event_at_ms=NOW_MS - 60_001)

    assert track_to_show(TRANSFERRED, [before, inside]) == (inside,)
