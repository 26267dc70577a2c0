"""Ordinary days as sensors report them: each timeline has the right statuses at the right times.

Each truck is a list of fixes (second, metres east of the origin); the destination is 4 km east
unless a case says otherwise, both geofences have a radius of 100 m, and the dwell is 60 s.
"""

from __future__ import annotations

import dataclasses
import random

import pytest

from rtdts.tracking.deliveries import Cause, Place, PlannedRoute, Status
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.status_machine import Transition, initial_machine, step
from rtdts.tracking.status_rules import StatusRules
from sim.geodesy import place_at
from tests.support.consumer_world import DESTINATION, ORIGIN, START_MS, point
from tests.support.profile import by_profile

ASSIGNED, EN_ROUTE, AT_PICKUP = Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP, Status.AT_PICKUP
IN_TRANSIT, NEARBY, ARRIVED = Status.IN_TRANSIT, Status.NEARBY, Status.ARRIVED
RULES = StatusRules()

Fixes = list[tuple[int, float]]


def drive(
    from_s: int, from_m: float, to_m: float, *, mps: float = 10.0, every_s: int = 10
) -> Fixes:
    """A drive at constant speed, its end not included."""
    seconds = int(abs(to_m - from_m) / mps)
    way = 1 if to_m > from_m else -1
    return [(from_s + s, from_m + way * mps * s) for s in range(0, seconds, every_s)]


def stand(from_s: int, at_m: float, seconds: int, *, every_s: int = 10) -> Fixes:
    """A truck that stands still, the end included."""
    return [(from_s + s, at_m) for s in range(0, seconds + 1, every_s)]


def noisy(fixes: Fixes, accuracy_m: float, seed: int = 1) -> Fixes:
    """The fixes with noise of that accuracy (the radius that contains about two thirds of them)."""
    rng = random.Random(seed)
    return [(s, m + rng.gauss(0, accuracy_m / 1.5)) for s, m in fixes]


def at(east_m: float, radius_m: float = 100.0) -> Place:
    lat, lon = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, east_m)
    return Place(lat=lat, lon=lon, radius_m=radius_m)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TruckTimeline:
    """One truck's day."""

    name: str
    fixes: Fixes
    reported: list[tuple[Status, Cause, int]]
    """Status, cause, second."""
    begins: Status = ASSIGNED
    by: Cause = Cause.ASSIGNED
    destination: Place = DESTINATION
    poor: Fixes = dataclasses.field(default_factory=list)
    """Further fixes, with an accuracy of 150 m."""
    accuracy_m: float | None = 8.0
    speed_mps: float | None = None

    def transitions(self) -> tuple[Transition, ...]:
        sent = [(s, m, self.accuracy_m) for s, m in self.fixes]
        sent += [(s, m, 150.0) for s, m in self.poor]
        raw = [
            fix_of(point(s, m, accuracy_m=accuracy_m, speed_mps=self.speed_mps))
            for s, m, accuracy_m in sorted(sent)
        ]
        machine = initial_machine(self.begins, self.by)
        plan = PlannedRoute(origin=ORIGIN, destination=self.destination)
        for fix in enrich(raw, EnrichmentRules()):
            machine = step(machine, fix, plan, RULES)
        return machine.transitions


MOVED_OFF = (EN_ROUTE, Cause.MOVED_OFF)
DWELT_AT_ORIGIN = (AT_PICKUP, Cause.DWELT_AT_ORIGIN)
LEFT = (IN_TRANSIT, Cause.LEFT_ORIGIN)
IMPLIED = (IN_TRANSIT, Cause.IMPLIED)
NEAR = (NEARBY, Cause.NEAR_DESTINATION)
DWELT = (ARRIVED, Cause.DWELT_AT_DESTINATION)
BACK = (IN_TRANSIT, Cause.TRANSFERRED)

TIMELINES = [
    TruckTimeline(
        name="a dock at the pickup: silence, and the first fix after it is outside",
        begins=EN_ROUTE,
        fixes=[*drive(0, -310, 0), *drive(1200, 180, 2000)],
        reported=[(*DWELT_AT_ORIGIN, 90), (*LEFT, 1200)],
    ),
    TruckTimeline(
        name="a dock at the pickup: after it the next point is near the destination",
        begins=EN_ROUTE,
        fixes=[*drive(0, -310, 0), (1800, 3200.0)],
        reported=[(*DWELT_AT_ORIGIN, 90), (*LEFT, 1800), (*NEAR, 1800)],
    ),
    TruckTimeline(
        name="a dock at the destination: silence, and the first fix after it is outside",
        begins=IN_TRANSIT,
        fixes=[*drive(0, 2490, 4000), *drive(1500, 4200, 6000)],
        reported=[(*NEAR, 60), (*DWELT, 210)],
    ),
    TruckTimeline(
        name="a dock at the destination, left over an hour ago",
        begins=NEARBY,
        fixes=[*drive(0, 3490, 4000), (4000, 15_000.0)],
        reported=[(*DWELT, 110)],
    ),
    TruckTimeline(
        name="a silence during the arrival: it drove in at its usual pace",
        begins=NEARBY,
        fixes=[*drive(0, 2500, 3000), *stand(300, 4000, 120)],
        reported=[(*DWELT, 360)],
    ),
    TruckTimeline(
        name="a silence during the arrival, with the drive before it known",
        begins=EN_ROUTE,
        fixes=[
            *drive(0, -310, 0),
            *stand(40, 0, 100),
            *drive(150, 0, 3500),
            *stand(700, 4000, 120),
        ],
        reported=[(*DWELT_AT_ORIGIN, 90), (*LEFT, 170), (*NEAR, 450), (*DWELT, 612)],
    ),
    TruckTimeline(
        name="a silence of an hour during the arrival: it may have stood anywhere",
        begins=EN_ROUTE,
        fixes=[
            *drive(0, -310, 0),
            *stand(40, 0, 100),
            *drive(150, 0, 2500),
            *stand(4_000, 4000, 120),
        ],
        reported=[(*DWELT_AT_ORIGIN, 90), (*LEFT, 170), (*NEAR, 4_000), (*DWELT, 4_060)],
    ),
    TruckTimeline(
        name="a tunnel that begins at the destination is no dock",
        begins=NEARBY,
        fixes=[*drive(0, 3500, 4000, mps=15), *drive(200, 6500, 9000, mps=15)],
        reported=[],
    ),
    TruckTimeline(
        name="a fix every two minutes, one of them in passing",
        begins=IN_TRANSIT,
        fixes=drive(0, 40, 9000, mps=11, every_s=120),
        reported=[(*NEAR, 360)],
    ),
    TruckTimeline(
        name="driving past the destination slowly",
        begins=NEARBY,
        fixes=drive(0, 3500, 5000, mps=4, every_s=5),
        reported=[],
    ),
    TruckTimeline(
        name="stopping 150 m from the destination",
        begins=NEARBY,
        fixes=noisy([*drive(0, 3500, 3850), *stand(35, 3850, 900)], 20),
        accuracy_m=20,
        reported=[],
    ),
    TruckTimeline(
        name="passing the pickup without stopping",
        begins=ASSIGNED,
        fixes=[*drive(0, -500, 4000), *stand(450, 4000, 120)],
        reported=[(*MOVED_OFF, 10), (*IMPLIED, 450), (*NEAR, 450), (*DWELT, 510)],
    ),
    TruckTimeline(
        name="created after loading",
        begins=ASSIGNED,
        fixes=[*drive(0, 1500, 4000), *stand(250, 4000, 120)],
        reported=[(*MOVED_OFF, 10), (*IMPLIED, 250), (*NEAR, 250), (*DWELT, 310)],
    ),
    TruckTimeline(
        name="created after loading, and a dock at the destination",
        begins=ASSIGNED,
        fixes=[*drive(0, 1490, 4000), *drive(1500, 4300, 9000)],
        reported=[(*MOVED_OFF, 10), (*IMPLIED, 250), (*NEAR, 250), (*DWELT, 310)],
    ),
    TruckTimeline(
        name="based at the destination: manoeuvring there before it sets out is no arrival",
        begins=ASSIGNED,
        fixes=[*drive(0, 4000, 3960, mps=2), *stand(40, 3960, 120), *drive(170, 3960, 2000)],
        reported=[(*MOVED_OFF, 10)],
    ),
    TruckTimeline(
        name="both places 80 m apart: loading at one, unloading at the other",
        begins=EN_ROUTE,
        destination=at(80),
        fixes=[
            *drive(0, -500, 0),
            *stand(50, 0, 600),
            *drive(660, 0, 80, mps=2),
            *stand(700, 80, 90),
        ],
        reported=[(*DWELT_AT_ORIGIN, 110), (*IMPLIED, 690), (*NEAR, 690), (*DWELT, 750)],
    ),
    TruckTimeline(
        name="both places 80 m apart: picked up by declaration, still loading",
        begins=IN_TRANSIT,
        destination=at(80),
        fixes=stand(0, 0, 300),
        reported=[(*NEAR, 0)],
    ),
    TruckTimeline(
        name="both places 80 m apart: loaded before, only the destination is visited",
        begins=EN_ROUTE,
        destination=at(80),
        fixes=[*drive(0, -500, 80), *stand(60, 80, 180)],
        reported=[(*DWELT_AT_ORIGIN, 110), (*IMPLIED, 110), (*NEAR, 110), (*DWELT, 170)],
    ),
    TruckTimeline(
        name="one yard for both places",
        begins=EN_ROUTE,
        destination=ORIGIN,
        fixes=[*drive(0, -500, 0), *stand(50, 0, 200)],
        reported=[(*DWELT_AT_ORIGIN, 110), (*IMPLIED, 110), (*NEAR, 110), (*DWELT, 170)],
    ),
    TruckTimeline(
        name="one yard for both places, where the truck has been standing since before",
        begins=ASSIGNED,
        destination=ORIGIN,
        fixes=stand(0, 0, 600),
        reported=[(*DWELT_AT_ORIGIN, 60)],
    ),
    TruckTimeline(
        name="standing at the destination with 60 m of accuracy and noise",
        begins=IN_TRANSIT,
        fixes=noisy([*drive(0, 2500, 4000), *stand(150, 4000, 300)], 60),
        accuracy_m=60,
        reported=[(*NEAR, 50), (*DWELT, 210)],
    ),
    TruckTimeline(
        name="one outlier in a dwell",
        begins=NEARBY,
        fixes=[*stand(0, 4000, 20), (30, 4190.0), *stand(40, 4000, 20)],
        reported=[(*DWELT, 60)],
    ),
    TruckTimeline(
        name="one outlier onto the destination",
        begins=NEARBY,
        fixes=[*stand(0, 3800, 100), (110, 3990.0), *stand(120, 3800, 200)],
        reported=[],
    ),
    TruckTimeline(
        name="one outlier at the pickup is not leaving",
        begins=AT_PICKUP,
        fixes=[*stand(0, 0, 20), (30, 190.0), *stand(40, 0, 20)],
        reported=[],
    ),
    TruckTimeline(
        name="poor accuracy during the whole dwell at the pickup",
        begins=EN_ROUTE,
        fixes=[*drive(0, -310, 0), *drive(900, 150, 3000)],
        poor=stand(40, 20, 850),
        reported=[(*DWELT_AT_ORIGIN, 90), (*LEFT, 900)],
    ),
    TruckTimeline(
        name="transferred: the new truck is far from the destination",
        begins=ARRIVED,
        by=Cause.TRANSFERRED,
        fixes=[*drive(10, 2500, 4000), *stand(160, 4000, 80)],
        reported=[(*BACK, 10), (*NEAR, 60), (*DWELT, 220)],
    ),
    TruckTimeline(
        name="transferred: the new truck is there, and leaves",
        begins=ARRIVED,
        by=Cause.TRANSFERRED,
        fixes=[*stand(10, 4000, 60), *drive(80, 4000, 9000)],
        reported=[],
    ),
    TruckTimeline(
        name="the truck that arrived leaves",
        begins=ARRIVED,
        by=Cause.DECLARED,
        fixes=drive(10, 4000, 9000),
        reported=[],
    ),
]


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda timeline: timeline.name)
def test_the_timeline_of_an_ordinary_truck(timeline: TruckTimeline) -> None:
    reported = [
        (one.status, one.cause, (one.effective_at_ms - START_MS) // 1_000)
        for one in timeline.transitions()
    ]

    assert reported == timeline.reported


def test_other_stops_on_the_way_add_no_status_to_this_delivery() -> None:
    fixes = [
        *drive(0, -500, 0),
        *stand(50, 0, 120),
        *drive(170, 0, 1500),
        *stand(320, 1500, 600),
        *drive(920, 1500, 2600),
        *stand(1030, 2600, 600),
        *drive(1630, 2600, 4000),
        *stand(1770, 4000, 120),
    ]
    timeline = TruckTimeline(name="several stops", fixes=fixes, reported=[])

    assert [one.status for one in timeline.transitions()] == [
        EN_ROUTE,
        AT_PICKUP,
        IN_TRANSIT,
        NEARBY,
        ARRIVED,
    ]


NOISE_SEEDS = {
    2: (*range(by_profile(quick=3, full=9)), 19),
    10: range(by_profile(quick=15, full=40)),
    30: range(by_profile(quick=15, full=40)),
}
"""By seconds between points. With 19, one outlier would end the stay if it alone decided."""


@pytest.mark.parametrize(("stops_at_m", "arrives"), [(4_000, True), (4_040, True), (4_250, False)])
@pytest.mark.parametrize("every_s", NOISE_SEEDS)
def test_noise_of_60_m_neither_makes_nor_prevents_an_arrival(
    stops_at_m: int, arrives: bool, every_s: int
) -> None:
    fixes = [
        *drive(0, 6000, stops_at_m, every_s=every_s),
        *stand(300, stops_at_m, 600, every_s=every_s),
    ]

    for seed in NOISE_SEEDS[every_s]:
        timeline = TruckTimeline(
            name="noise",
            begins=IN_TRANSIT,
            fixes=noisy(fixes, 60, seed),
            accuracy_m=60,
            reported=[],
        )
        assert (timeline.transitions()[-1].status is ARRIVED) is arrives, seed


def test_an_event_keeps_its_evidence() -> None:
    dock = next(
        timeline
        for timeline in TIMELINES
        if timeline.name.startswith("a dock at the destination: ")
    )
    arrived = dock.transitions()[-1]

    assert arrived.point_id is not None
    assert arrived.evidence is not None
    assert arrived.evidence.distance_m == pytest.approx(200.0, abs=0.1)
    assert arrived.evidence.accuracy_m == 8.0
    assert arrived.evidence.silence_s == 1500 - 150
    assert arrived.evidence.since_point_id == f"T-1:{START_MS + 150_000}:150"
