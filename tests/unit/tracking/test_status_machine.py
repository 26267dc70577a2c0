from __future__ import annotations

import pytest

from rtdts.tracking.deliveries import Cause, Place, Status
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.geodesy import place_at
from rtdts.tracking.status_machine import Machine, Plan, StatusRules, step
from tests.support.consumer_world import DESTINATION, ORIGIN, START_MS, point

PLAN = Plan(origin=ORIGIN, destination=DESTINATION)
RULES = StatusRules()


def fixes(*places: tuple[int, float], **changed: object) -> list[Fix]:
    raw = [fix_of(point(second, east_m, **changed)) for second, east_m in places]
    return enrich(raw, EnrichmentRules())


def ran(status: Status, of: list[Fix], plan: Plan = PLAN) -> list[tuple[Status, Cause, int]]:
    machine = Machine(status)
    for fix in of:
        machine = step(machine, fix, plan, RULES)
    return [
        (one.status, one.cause, (one.effective_at_ms - START_MS) // 1_000)
        for one in machine.transitions
    ]


def test_the_first_moving_fix_is_the_way_to_the_pickup() -> None:
    standing = fixes((0, -900.0), (10, -900.0), speed_mps=0.0)

    assert ran(Status.ASSIGNED, standing) == []
    assert ran(Status.ASSIGNED, [*standing, *fixes((20, -880.0))]) == [
        (Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, 20)
    ]


def test_a_truck_already_inside_the_origin_goes_straight_to_at_pickup() -> None:
    inside = fixes((0, 50.0), (30, 20.0), (60, 0.0))

    assert ran(Status.ASSIGNED, inside) == [(Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, 60)]


def test_driving_through_the_origin_is_no_dwell() -> None:
    through = fixes((0, -150.0), (10, -50.0), (50, 50.0), (59, 90.0), (61, 150.0), (75, 90.0))

    assert ran(Status.EN_ROUTE_TO_PICKUP, through) == []


def test_noise_at_the_fence_is_not_leaving() -> None:
    at_fence = fixes((0, 90.0), (10, 129.0))

    assert ran(Status.AT_PICKUP, at_fence) == []
    assert ran(Status.AT_PICKUP, [*at_fence, *fixes((20, 131.0))]) == [
        (Status.IN_TRANSIT, Cause.LEFT_ORIGIN, 20)
    ]


@pytest.mark.parametrize(("east_m", "near"), [(2_990.0, False), (3_010.0, True)])
def test_nearby_is_a_kilometre_from_the_destination(east_m: float, near: bool) -> None:
    assert bool(ran(Status.IN_TRANSIT, fixes((0, east_m)))) is near


def test_arrived_is_a_dwell_inside_the_destination() -> None:
    story = ran(Status.IN_TRANSIT, fixes((0, 3_950.0), (59, 4_000.0), (60, 4_010.0)))

    assert story == [
        (Status.NEARBY, Cause.NEAR_DESTINATION, 0),
        (Status.ARRIVED, Cause.DWELT_AT_DESTINATION, 60),
    ]


def test_one_fix_can_leave_the_origin_and_be_near_the_destination() -> None:
    lat, lon = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, 600.0)
    close_by = Plan(origin=ORIGIN, destination=Place(lat=lat, lon=lon))

    story = ran(Status.AT_PICKUP, fixes((0, 300.0)), close_by)

    assert [status for status, _, _ in story] == [Status.IN_TRANSIT, Status.NEARBY]


def test_a_bad_fix_decides_nothing() -> None:
    assert ran(Status.IN_TRANSIT, fixes((0, 4_000.0), accuracy_m=500.0)) == []


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.FAILED, Status.CANCELLED])
def test_nothing_follows_an_end(status: Status) -> None:
    assert ran(status, fixes((0, 0.0), (100, 0.0), (200, 4_000.0))) == []
