from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.deliveries import CLOSED, Cause, Place, PlannedRoute, Status
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.presence import FenceEvidence
from rtdts.tracking.status_machine import StatusMachine, is_reset_point, step
from rtdts.tracking.status_rules import StatusRules
from sim.geodesy import place_at
from tests.support.consumer_world import DESTINATION, ORIGIN, START_MS, point

PLAN = PlannedRoute(origin=ORIGIN, destination=DESTINATION)
RULES = StatusRules()
_LAT, _LON = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, 80.0)
CLOSE_BY = Place(lat=_LAT, lon=_LON)


def fixes(*places: tuple[int, float], **changed: Any) -> list[Fix]:
    raw = [fix_of(point(second, east_m, **changed)) for second, east_m in places]
    return enrich(raw, EnrichmentRules())


def ran(
    status: Status, of: list[Fix], plan: PlannedRoute = PLAN
) -> list[tuple[Status, Cause, int]]:
    machine = StatusMachine(status)
    for fix in of:
        machine = step(machine, fix, plan, RULES)
    return [
        (one.status, one.cause, (one.effective_at_ms - START_MS) // 1_000)
        for one in machine.transitions
    ]


def test_the_first_moving_fix_starts_the_drive_to_the_pickup() -> None:
    standing = fixes((0, -900.0), (10, -900.0), speed_mps=0.0)

    assert ran(Status.ASSIGNED, standing) == []
    assert ran(Status.ASSIGNED, [*standing, *fixes((20, -880.0))]) == [
        (Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 20)
    ]


def test_a_truck_already_inside_the_origin_goes_straight_to_at_pickup() -> None:
    inside = fixes((0, 50.0), (30, 20.0), (60, 0.0))

    assert ran(Status.ASSIGNED, inside) == [(Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, 60)]


def test_driving_through_the_origin_is_no_dwell() -> None:
    through = fixes((0, -150.0), (10, -50.0), (50, 50.0), (59, 90.0), (61, 150.0), (71, 250.0))

    assert ran(Status.EN_ROUTE_TO_PICKUP, through) == []


def test_noise_at_the_edge_of_the_geofence_is_not_leaving() -> None:
    at_fence = fixes((0, 90.0), (10, 129.0), (20, 140.0))

    assert ran(Status.AT_PICKUP, at_fence) == []
    # Its speed shows that it is driving.
    assert ran(Status.AT_PICKUP, [*at_fence, *fixes((30, 160.0))])[0][0] is Status.IN_TRANSIT


def test_leaving_the_origin_takes_two_fixes_without_a_measured_speed() -> None:
    first, second = fixes((0, 160.0), (10, 260.0), speed_mps=None)

    assert ran(Status.AT_PICKUP, [first]) == []
    assert ran(Status.AT_PICKUP, [first, second]) == [(Status.IN_TRANSIT, Cause.LEFT_ORIGIN, 0)]


@pytest.mark.parametrize(("east_m", "near"), [(2_990.0, False), (3_010.0, True)])
def test_nearby_begins_one_kilometre_from_the_destination(east_m: float, near: bool) -> None:
    assert bool(ran(Status.IN_TRANSIT, fixes((0, east_m)))) is near


def test_arrived_is_a_dwell_inside_the_destination() -> None:
    timeline = ran(Status.IN_TRANSIT, fixes((0, 3_950.0), (59, 4_000.0), (60, 4_010.0)))

    assert timeline == [
        (Status.NEARBY, Cause.NEAR_DESTINATION, 0),
        (Status.ARRIVED, Cause.DWELT_AT_DESTINATION, 60),
    ]


def test_one_fix_can_leave_the_origin_and_be_near_the_destination() -> None:
    lat, lon = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, 600.0)
    close_by = PlannedRoute(origin=ORIGIN, destination=Place(lat=lat, lon=lon))

    timeline = ran(Status.AT_PICKUP, fixes((0, 300.0)), close_by)

    assert [status for status, _, _ in timeline] == [Status.IN_TRANSIT, Status.NEARBY]


def test_a_bad_fix_decides_nothing() -> None:
    assert ran(Status.IN_TRANSIT, fixes((0, 4_000.0), accuracy_m=500.0)) == []


WATCHES = st.none() | st.builds(
    FenceEvidence,
    since_ms=st.just(START_MS - 100_000),
    since_id=st.just("T-1:1:1"),
    last_ms=st.integers(START_MS - 90_000, START_MS - 1_000),
    sum=st.floats(0.1, 2.0),
    is_held=st.booleans(),
    counts=st.booleans(),
)


@given(
    machine=st.builds(
        StatusMachine,
        status=st.sampled_from(Status),
        origin=WATCHES,
        destination=WATCHES,
        is_inherited=st.booleans(),
    ),
    east_m=st.floats(-2_000.0, 6_000.0),
    accuracy_m=st.none() | st.floats(1.0, 100.0),
    moving=st.booleans(),
    destination=st.sampled_from([DESTINATION, ORIGIN, CLOSE_BY]),
)
def test_after_a_reset_point_nothing_before_matters(
    machine: StatusMachine,
    east_m: float,
    accuracy_m: float | None,
    moving: bool,
    destination: Place,
) -> None:
    plan = PlannedRoute(origin=ORIGIN, destination=destination)
    (fix,) = fixes((0, east_m), accuracy_m=accuracy_m, speed_mps=8.0 if moving else 0.0)
    after = step(machine, fix, plan, RULES)

    if is_reset_point(machine.status, fix, plan, RULES) and not after.transitions:
        assert after.has_only_status or machine.status in CLOSED
        assert after == step(StatusMachine(machine.status), fix, plan, RULES) or (
            machine.status in CLOSED
        )


def test_reset_points_are_common_on_a_drive() -> None:
    on_the_way = fixes(*((10 * n, 10.0 * n * 10) for n in range(41)))
    counted = {
        status: sum(is_reset_point(status, fix, PLAN, RULES) for fix in on_the_way)
        for status in (Status.EN_ROUTE_TO_PICKUP, Status.IN_TRANSIT, Status.ARRIVED)
    }
    loading = fixes(*((10 * n, 20.0) for n in range(10)), speed_mps=0.0)

    assert counted == {
        Status.EN_ROUTE_TO_PICKUP: 27,
        Status.IN_TRANSIT: 34,
        Status.ARRIVED: 41,
    }
    assert all(is_reset_point(Status.AT_PICKUP, fix, PLAN, RULES) for fix in loading)


def test_a_machine_in_the_middle_of_a_dwell_is_small() -> None:
    machine = StatusMachine(Status.EN_ROUTE_TO_PICKUP)
    for fix in fixes((0, 50.0), (10, 60.0)):
        machine = step(machine, fix, PLAN, RULES)

    assert not machine.has_only_status
    assert len(msgspec.json.encode(machine)) <= 110


@pytest.mark.parametrize("status", sorted(CLOSED))
def test_no_transition_follows_a_closed_status(status: Status) -> None:
    assert ran(status, fixes((0, 0.0), (100, 0.0), (200, 4_000.0))) == []
