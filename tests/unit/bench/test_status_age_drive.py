from __future__ import annotations

from bench.status_age_p99 import DISTANCE_M, DRIVE_S, DWELL_S, RADIUS_M, STATUSES, progress
from rtdts.tracking.deliveries import Place, PlannedRoute, Status
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.status_machine import initial_machine, step
from rtdts.tracking.status_rules import StatusRules
from sim.geodesy import place_at
from tests.support.consumer_world import ORIGIN, point


def _place(along_m: float) -> Place:
    lat, lon = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, along_m)
    return Place(lat=lat, lon=lon, radius_m=RADIUS_M)


def test_the_measured_drive_goes_through_every_status() -> None:
    track = [progress(second) for second in range(DRIVE_S)]
    fixes = enrich(
        [
            fix_of(point(second, along_m, accuracy_m=5.0, speed_mps=speed_mps))
            for second, (along_m, speed_mps) in enumerate(track)
        ],
        EnrichmentRules(),
    )
    machine = initial_machine(Status.ASSIGNED, None)
    for fix in fixes:
        machine = step(
            machine,
            fix,
            PlannedRoute(origin=_place(0.0), destination=_place(DISTANCE_M)),
            StatusRules(dwell_s=DWELL_S),
        )

    assert len(machine.transitions) == STATUSES
    assert machine.status is Status.ARRIVED
