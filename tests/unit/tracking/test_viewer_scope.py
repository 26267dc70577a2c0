"""Which positions of its truck a delivery shows: by role, by time, and by policy."""

from __future__ import annotations

import msgspec
import pytest

from rtdts.tracking.deliveries import (
    CLOSED,
    Assignment,
    Cause,
    Delivery,
    DeliveryEvent,
    Place,
    Status,
)
from rtdts.tracking.positions import (
    DeliveryProgress,
    ShownLatest,
    ShownPoint,
    TrackPoint,
    TruckInterval,
)
from rtdts.tracking.truck_stops import Stop, TruckStops
from rtdts.tracking.viewer_scope import (
    Scope,
    ShownPosition,
    closed_interval,
    events_to_show,
    needs_stops,
    position_to_show,
    scope_of,
    track_to_show,
)
from rtdts.tracking.viewing import Access
from rtdts.tracking.visibility import EnRoute, NextStop, Visibility, WithinDistance, WithinTime

NOW_MS = 1_800_000_000_000
START_MS = NOW_MS - 3_600_000
MOVED_OFF_MS = START_MS + 600_000
DESTINATION = Place(lat=35.2, lon=129.1)
M_PER_DEGREE = 111_195.0
VIEWERS = (Access.AS_CUSTOMER, Access.FULL)


def delivery(**changes: object) -> Delivery:
    whole = Delivery(
        delivery_id="D-1",
        customer_id="C-1",
        origin=Place(lat=35.1, lon=129.0),
        destination=DESTINATION,
        status=Status.IN_TRANSIT,
        version=4,
        assignments=(Assignment(assignment=1, truck_id="T-1", started_at_ms=START_MS),),
        created_at_ms=START_MS,
        updated_at_ms=NOW_MS - 60_000,
        visibility=EnRoute(),
        shown_from_ms=MOVED_OFF_MS,
    )
    return msgspec.structs.replace(whole, **changes)


def closed(at_ms: int = NOW_MS - 60_000, **changes: object) -> Delivery:
    end = {"status": Status.DELIVERED, "closed_at_ms": at_ms, "updated_at_ms": at_ms}
    return delivery(**{**end, **changes})


def latest(
    truck_id: str = "T-1",
    event_at_ms: int = NOW_MS - 5_000,
    *,
    away_m: float = 10_000.0,
    lag_ms: int = 0,
) -> ShownLatest:
    point = ShownPoint(
        truck_id=truck_id,
        recorded_at_ms=event_at_ms,
        lat=DESTINATION.lat - away_m / M_PER_DEGREE,
        lon=DESTINATION.lon,
        event_at_ms=event_at_ms,
        clock_lag_ms=lag_ms,
    )
    return ShownLatest(point=point)


def expected(earliest_ms: int, latest_ms: int, **more: object) -> ShownLatest:
    progress = DeliveryProgress(
        delivery_id="D-1",
        distance_remaining_m=10_000.0,
        eta_earliest_ms=earliest_ms,
        eta_latest_ms=latest_ms,
    )
    return msgspec.structs.replace(latest(), deliveries=(progress,), **more)


def stops(*others: Stop, changed_at_ms: int = 0, **own: object) -> TruckStops:
    first = msgspec.structs.replace(Stop(delivery_id="D-1", due_ms=START_MS), **own)
    return TruckStops(stops=(first, *others), changed_at_ms=changed_at_ms)


def scope(
    of: Delivery, access: Access = Access.AS_CUSTOMER, at: TruckStops | None = None
) -> Scope | None:
    return scope_of(of, access, at)


def seen(
    of: Delivery,
    where: ShownLatest | None,
    access: Access = Access.AS_CUSTOMER,
    at: TruckStops | None = None,
) -> ShownPosition | None:
    return position_to_show(of, where, scope(of, access, at), now_ms=NOW_MS)


def track(*event_at_ms: int, away_m: float = 10_000.0) -> list[TrackPoint]:
    lat = DESTINATION.lat - away_m / M_PER_DEGREE
    return [TrackPoint(lat=lat, lon=DESTINATION.lon, event_at_ms=at_ms) for at_ms in event_at_ms]


# --- by time and role ------------------------------------------------------------------------


def test_a_customer_sees_the_truck_from_moving_off_and_a_dispatcher_from_the_assignment() -> None:
    points = track(START_MS - 1, START_MS, MOVED_OFF_MS - 1, MOVED_OFF_MS, NOW_MS)

    assert track_to_show(scope(delivery()), points) == tuple(points[3:])
    assert track_to_show(scope(delivery(), Access.FULL), points) == tuple(points[1:])


@pytest.mark.parametrize("access", [Access.STATUS_ONLY, *VIEWERS])
def test_a_cancelled_delivery_and_a_status_only_policy_show_no_position(
    access: Access,
) -> None:
    cancelled = closed(status=Status.CANCELLED)

    assert scope(cancelled, access) is None
    assert (scope(delivery(), access) is None) is (access is Access.STATUS_ONLY)


def test_a_new_customer_does_not_see_the_former_customers_track() -> None:
    given = delivery(customer_id="C-2", customer_since_ms=NOW_MS - 60_000)
    points = track(MOVED_OFF_MS, NOW_MS - 60_001, NOW_MS - 60_000)

    assert track_to_show(scope(given), points) == tuple(points[2:])
    assert seen(given, latest(event_at_ms=NOW_MS - 60_001)) is None
    assert seen(given, latest(event_at_ms=NOW_MS - 60_000)) is not None


def test_a_row_without_a_start_shows_points_after_its_last_change() -> None:
    old = delivery(shown_from_ms=None)

    assert seen(old, latest(event_at_ms=NOW_MS - 60_001)) is None
    assert seen(old, latest(event_at_ms=NOW_MS - 60_000)) is not None


def test_a_delivery_that_ended_before_its_truck_moved_shows_its_customer_nothing() -> None:
    ended = closed(shown_from_ms=None)

    assert seen(ended, latest(event_at_ms=NOW_MS - 60_001)) is None


def test_a_new_customer_does_not_see_the_former_customers_events() -> None:
    given = delivery(customer_since_version=3)
    log = [
        DeliveryEvent(
            delivery_id="D-1",
            version=version,
            status=Status.IN_TRANSIT,
            cause=Cause.CORRECTED,
            effective_at_ms=NOW_MS,
            recorded_at_ms=NOW_MS,
            assignment=1,
            truck_id="T-1",
        )
        for version in range(1, 6)
    ]

    assert [one.version for one in events_to_show(given, log, is_customer=True)] == [3, 4]
    assert [one.version for one in events_to_show(given, log, is_customer=False)] == [1, 2, 3, 4]


TRANSFERRED = delivery(
    shown_from_ms=NOW_MS - 60_000,
    assignments=(
        Assignment(
            assignment=1, truck_id="T-1", started_at_ms=START_MS, ended_at_ms=NOW_MS - 60_000
        ),
        Assignment(assignment=2, truck_id="T-2", started_at_ms=NOW_MS - 60_000),
    ),
)


@pytest.mark.parametrize("access", VIEWERS)
def test_after_a_transfer_only_the_new_truck_is_shown_and_only_since_then(access: Access) -> None:
    assert seen(TRANSFERRED, latest("T-1"), access) is None
    assert seen(TRANSFERRED, latest("T-2", NOW_MS - 60_001), access) is None
    shown = seen(TRANSFERRED, latest("T-2", NOW_MS - 60_000), access)

    assert shown is not None
    assert shown.point.truck_id == "T-2"


@pytest.mark.parametrize("access", VIEWERS)
def test_a_track_is_cut_to_the_assignment(access: Access) -> None:
    before, inside = track(NOW_MS - 60_001, NOW_MS - 60_000)

    assert track_to_show(scope(TRANSFERRED, access), [before, inside]) == (inside,)


# --- after the end ---------------------------------------------------------------------------


@pytest.mark.parametrize("access", VIEWERS)
def test_points_after_the_delivery_closed_are_not_shown(access: Access) -> None:
    at_ms = NOW_MS - 60_000

    assert seen(closed(at_ms), latest(event_at_ms=at_ms - 1), access) is not None
    assert seen(closed(at_ms), latest(event_at_ms=at_ms), access) is None


@pytest.mark.parametrize("access", VIEWERS)
@pytest.mark.parametrize("status", sorted(CLOSED - {Status.CANCELLED}))
def test_a_closed_delivery_shows_its_truck_until_its_end(status: Status, access: Access) -> None:
    then = closed_interval(closed(status=status), access)

    assert then == TruckInterval(truck_id="T-1", start_ms=START_MS, end_ms=NOW_MS - 60_000)


def test_an_end_declared_late_limits_what_the_customer_sees_but_not_a_dispatcher() -> None:
    late = closed(closed_at_ms=NOW_MS - 1_800_000)

    assert seen(late, latest(event_at_ms=NOW_MS - 1_800_000)) is None
    assert seen(late, latest(event_at_ms=NOW_MS - 60_001), Access.FULL) is not None
    full, customers = (closed_interval(late, one) for one in (Access.FULL, Access.AS_CUSTOMER))
    assert full is not None
    assert customers is not None
    assert (full.end_ms, customers.end_ms) == (NOW_MS - 60_000, NOW_MS - 1_800_000)


@pytest.mark.parametrize("access", VIEWERS)
def test_an_open_or_a_cancelled_delivery_has_no_closed_interval(access: Access) -> None:
    assert closed_interval(delivery(), access) is None
    assert closed_interval(closed(status=Status.CANCELLED), access) is None


NARROW: list[Visibility] = [NextStop(), WithinDistance(distance_m=5_000.0), WithinTime(minutes=30)]


@pytest.mark.parametrize("policy", NARROW, ids=str)
def test_after_the_end_a_narrow_policy_shows_the_truck_at_the_destination_only(
    policy: Visibility,
) -> None:
    ended = closed(visibility=policy)
    before_ms = NOW_MS - 60_001

    assert seen(ended, latest(event_at_ms=before_ms, away_m=199.0)) is not None
    assert seen(ended, latest(event_at_ms=before_ms, away_m=201.0)) is None
    assert seen(ended, latest(event_at_ms=before_ms, away_m=201.0), Access.FULL) is not None
    assert not needs_stops(ended)


# --- slow clocks -----------------------------------------------------------------------------

SLOW_MS = 3 * 3_600_000


def slow(counts_at_ms: int) -> ShownLatest:
    """A point of a truck whose clock is slow by three hours."""
    return latest(event_at_ms=counts_at_ms - SLOW_MS, lag_ms=SLOW_MS)


def test_a_slow_truck_is_shown_between_the_same_times_by_the_services_clock() -> None:
    assert seen(delivery(), slow(START_MS - 1), Access.FULL) is None
    assert seen(delivery(), slow(START_MS), Access.FULL) is not None
    assert seen(delivery(), slow(MOVED_OFF_MS - 1)) is None
    assert seen(delivery(), slow(MOVED_OFF_MS)) is not None
    for access in VIEWERS:
        assert seen(closed(), slow(NOW_MS - 60_001), access) is not None
        assert seen(closed(), slow(NOW_MS - 60_000), access) is None


def test_a_track_of_a_slow_clock_is_cut_by_the_services_clock() -> None:
    points = [
        TrackPoint(35.0, 129.0, counts_at_ms - SLOW_MS, SLOW_MS)
        for counts_at_ms in (MOVED_OFF_MS - 1, MOVED_OFF_MS, NOW_MS)
    ]

    assert track_to_show(scope(delivery()), points) == tuple(points[1:])


# --- the next stop ---------------------------------------------------------------------------

NEXT = delivery(visibility=NextStop())
EARLIER = Stop(delivery_id="D-2", due_ms=START_MS - 1)
LATER = Stop(delivery_id="D-3", due_ms=START_MS + 1)


def test_the_next_stops_customer_sees_the_truck_and_later_ones_only_the_status() -> None:
    assert needs_stops(NEXT)
    assert seen(NEXT, latest(), at=stops(LATER)) is not None
    assert seen(NEXT, latest(), at=stops(LATER, EARLIER)) is None
    assert track_to_show(scope(NEXT, at=stops(EARLIER)), track(NOW_MS)) == ()


def test_a_dispatcher_sees_the_truck_whatever_the_next_stop_is() -> None:
    assert seen(NEXT, latest(), Access.FULL, stops(EARLIER)) is not None


def test_the_next_customer_does_not_see_where_the_truck_was_for_earlier_customers() -> None:
    """The truck stands at another customer's door when that delivery is closed."""
    left = stops(changed_at_ms=NOW_MS - 60_000)
    points = track(MOVED_OFF_MS, NOW_MS - 60_001, NOW_MS - 60_000)

    assert seen(NEXT, latest(event_at_ms=NOW_MS - 60_001), at=left) is None
    assert seen(NEXT, latest(event_at_ms=NOW_MS - 60_000), at=left) is not None
    assert track_to_show(scope(NEXT, at=left), points) == tuple(points[2:])


@pytest.mark.parametrize(
    "unknown",
    [
        None,
        TruckStops(),
        TruckStops(stops=(LATER,)),
        TruckStops(stops=(Stop(delivery_id="D-1"),), is_complete=False),
    ],
    ids=["not read", "none", "without the delivery", "incomplete"],
)
def test_nothing_is_shown_while_the_next_stop_is_unknown(
    unknown: TruckStops | None,
) -> None:
    assert scope(NEXT, at=unknown) is None


@pytest.mark.parametrize(
    ("own", "other", "precedes"),
    [
        ({"stop_sequence": 2}, {"stop_sequence": 1}, True),
        ({"stop_sequence": 2, "due_ms": 2}, {"stop_sequence": 2, "due_ms": 1}, False),
        ({"stop_sequence": 2, "due_ms": 1}, {"stop_sequence": 3, "due_ms": 0}, False),
        ({"due_ms": 1}, {"stop_sequence": 9, "due_ms": 2}, True),
        ({"stop_sequence": 9, "due_ms": 2}, {"due_ms": 1}, False),
        ({"due_ms": 2}, {"due_ms": 1}, True),
        ({"due_ms": 2, "created_at_ms": 5}, {"due_ms": 2, "created_at_ms": 4}, True),
        ({"due_ms": 2, "created_at_ms": 4}, {"due_ms": 2, "created_at_ms": 5}, False),
    ],
)
def test_stops_are_ordered_by_number_then_by_window_then_by_creation(
    own: dict[str, int], other: dict[str, int], precedes: bool
) -> None:
    another = msgspec.structs.replace(Stop(delivery_id="D-2"), **other)

    assert (scope(NEXT, at=stops(another, **own)) is None) is precedes


# --- within metres or minutes ----------------------------------------------------------------


def test_within_metres_the_truck_is_shown_near_the_destination_with_the_cargo_on_board() -> None:
    near = delivery(visibility=WithinDistance(distance_m=5_000.0))
    before_pickup = msgspec.structs.replace(near, status=Status.AT_PICKUP)

    assert seen(near, latest(away_m=5_001.0)) is None
    assert seen(near, latest(away_m=4_999.0)) is not None
    assert seen(before_pickup, latest(away_m=10.0)) is None


def test_within_metres_the_track_begins_where_the_truck_last_came_near() -> None:
    near = delivery(visibility=WithinDistance(distance_m=5_000.0))
    first_pass = track(MOVED_OFF_MS, away_m=100.0)
    away = track(MOVED_OFF_MS + 1)
    back = track(MOVED_OFF_MS + 2, NOW_MS, away_m=4_000.0)

    assert track_to_show(scope(near), [*first_pass, *away, *back]) == tuple(back)


def test_within_minutes_the_truck_is_shown_while_its_earliest_eta_is_that_soon() -> None:
    soon = delivery(visibility=WithinTime(minutes=30))
    half_an_hour_ms = 1_800_000
    in_time = expected(NOW_MS + half_an_hour_ms, NOW_MS + 2 * half_an_hour_ms)

    assert seen(soon, in_time) is not None
    assert seen(soon, expected(NOW_MS + half_an_hour_ms + 1, NOW_MS + 2 * half_an_hour_ms)) is None
    assert seen(soon, latest()) is None, "there is no ETA"
    assert seen(soon, expected(NOW_MS - 2, NOW_MS - 1)) is None, "the ETA has passed"
    assert seen(soon, msgspec.structs.replace(in_time, stale_since_ms=NOW_MS - 1)) is None
    assert seen(soon, latest(away_m=100.0)) is not None, "it is at the destination"
    assert track_to_show(scope(soon), track(NOW_MS)) == ()
    assert scope(msgspec.structs.replace(soon, status=Status.EN_ROUTE_TO_PICKUP)) is None


# --- what is shown of a position -------------------------------------------------------------


def test_the_shown_position_is_the_last_good_one_with_the_time_since_when_it_is_stale() -> None:
    fresh = latest(event_at_ms=NOW_MS - 20_000)
    shown = seen(delivery(), msgspec.structs.replace(fresh, stale_since_ms=NOW_MS - 10_000))

    assert shown is not None
    assert shown.point.event_at_ms == NOW_MS - 20_000
    assert shown.stale_since_ms == NOW_MS - 10_000


def test_a_truck_without_a_good_position_shows_none() -> None:
    assert seen(delivery(), None) is None


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
    shown = seen(delivery(), msgspec.structs.replace(latest(), deliveries=progress))

    assert shown is not None
    assert (shown.eta_earliest_ms, shown.eta_latest_ms) == (NOW_MS + 2, NOW_MS + 20)
    assert shown.eta_remaining_m == 1_400.0
