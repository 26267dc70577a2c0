"""The verdict fails for each thing that can go wrong, and names it."""

from dataclasses import replace

import pytest

from rtdts.tracking.deliveries import Status
from sim.drive.customer_log import Gap, ShownPosition
from sim.drive.deliveries_api import DeliveryEventRecord, DeliveryRecord
from sim.drive.stores import StoreCounts
from sim.drive.verdict import (
    STATUSES_ALWAYS,
    STATUSES_BY_DWELL,
    GapFigures,
    IntruderEvidence,
    TruckEvidence,
    evaluate,
    percentile,
    stores_are_complete,
)
from tests.support.fleet import BATCH

FIXES = {fix.id: fix for fix in BATCH}
LAST = BATCH[-1]
WAY = (Status.ASSIGNED, Status.IN_TRANSIT, Status.NEARBY, Status.DELIVERED)


def shown(index: int = 0, *, after_ms: int = 1500) -> ShownPosition:
    fix = BATCH[index]
    return ShownPosition("D-1", fix.recorded_at_ms, fix.recorded_at_ms + after_ms, fix.lat, fix.lon)


def delivery(*statuses: Status) -> DeliveryRecord:
    events = tuple(
        DeliveryEventRecord(number, status.value, "assigned")
        for number, status in enumerate(statuses, start=1)
    )
    return DeliveryRecord("D-1", "T-1", "C-1", statuses[-1].value, len(events), events)


TRUCK = TruckEvidence(
    truck_id="T-1",
    customer_id="C-1",
    fixes=FIXES,
    accepted=FIXES,
    rejected=(),
    unsettled=0,
    messages=12,
    gaps=(Gap(0, 10_000), Gap(10_000, 10_500), Gap(10_500, 18_500)),
    statuses=frozenset(WAY),
    positions=(shown(0), shown(3, after_ms=2500)),
    foreign=(),
    broken=(),
    delivery=delivery(*WAY),
)
INTRUDERS = IntruderEvidence(rejections=9, undetected=(), foreign=())
STORES = StoreCounts(
    in_history=frozenset(FIXES),
    history_copies=0,
    in_raw=frozenset(FIXES),
    latest_at_ms={"T-1": LAST.recorded_at_ms},
)


def test_a_good_drive_is_ok_and_counted() -> None:
    verdict = evaluate([TRUCK], INTRUDERS, STORES)

    assert verdict.ok, verdict.problems
    assert verdict.to_json() == {
        "accepted": 5,
        "in_history": 5,
        "in_raw": 5,
        "latest_ok": 1,
        "messages": {"C-1": 12},
        "statuses": ["assigned", "in_transit", "nearby", "delivered"],
        "rejections": 9,
        "foreign": 0,
        "age_p50_s": 1.5,
        "age_p99_s": 2.5,
        "ok": True,
    }


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (replace(TRUCK, accepted={}), "no point was accepted"),
        (replace(TRUCK, rejected=("lat: range",)), "lat: range"),
        (replace(TRUCK, unsettled=3), "3 points never got a final response"),
        (replace(TRUCK, positions=()), "no position reached"),
        (replace(TRUCK, broken=("not JSON",)), "not JSON"),
        (replace(TRUCK, foreign=("position of D-2",)), "position of D-2"),
        (replace(TRUCK, failures=("HTTP 409",)), "HTTP 409"),
        (replace(TRUCK, statuses=frozenset({Status.ASSIGNED})), "never received in_transit"),
        (replace(TRUCK, delivery=None), "could not be read"),
        (replace(TRUCK, delivery=delivery(Status.ASSIGNED)), "its log has no in_transit"),
        (replace(TRUCK, delivery=replace(delivery(*WAY), version=5)), "gaps"),
        (replace(TRUCK, positions=(replace(shown(), lat=1.0),)), "where its truck was not"),
        (
            replace(TRUCK, positions=(replace(shown(), position_at_ms=7),)),
            "where its truck was not",
        ),
    ],
)
def test_each_problem_of_a_truck_is_reported(broken: TruckEvidence, named: str) -> None:
    verdict = evaluate([broken], INTRUDERS, STORES)

    assert not verdict.ok
    assert any(named in problem for problem in verdict.problems), verdict.problems


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (
            replace(STORES, in_history=frozenset(list(FIXES)[1:])),
            "1 accepted points are not in the",
        ),
        (replace(STORES, in_raw=frozenset()), "5 accepted points are not in the raw log"),
        (replace(STORES, history_copies=2), "2 points are in the history more than once"),
        (replace(STORES, latest_at_ms={}), "its latest position is not"),
        (
            replace(STORES, latest_at_ms={"T-1": BATCH[0].recorded_at_ms}),
            "its latest position is not",
        ),
    ],
)
def test_each_problem_of_the_stores_is_reported(broken: StoreCounts, named: str) -> None:
    verdict = evaluate([TRUCK], INTRUDERS, broken)

    assert not stores_are_complete([TRUCK], broken)
    assert any(named in problem for problem in verdict.problems), verdict.problems


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (replace(INTRUDERS, rejections=0), "nothing was refused"),
        (replace(INTRUDERS, undetected=("C-9 tracking D-1",)), "never refused: C-9"),
        (replace(INTRUDERS, foreign=("snapshot of D-1",)), "without a right to it"),
        (replace(INTRUDERS, opened=("a truck's token",)), "opened with a truck's token"),
    ],
)
def test_each_problem_with_intruders_is_reported(broken: IntruderEvidence, named: str) -> None:
    verdict = evaluate([TRUCK], broken, STORES)

    assert any(named in problem for problem in verdict.problems), verdict.problems


def test_foreign_messages_are_counted_over_customers_and_intruders() -> None:
    verdict = evaluate(
        [replace(TRUCK, foreign=("a",))], replace(INTRUDERS, foreign=("b", "c")), STORES
    )

    assert verdict.foreign == 3


def test_without_access_to_the_stores_the_verdict_says_so_and_checks_the_rest() -> None:
    verdict = evaluate([TRUCK], INTRUDERS, None)

    assert verdict.ok
    assert verdict.to_json()["in_history"] is verdict.to_json()["latest_ok"] is None
    assert any("OpenSearch" in unseen for unseen in verdict.unseen)
    assert not evaluate([replace(TRUCK, unsettled=1)], INTRUDERS, None).ok


def test_gaps_are_measured_for_each_customer() -> None:
    silent = replace(TRUCK, customer_id="C-2", gaps=())
    verdict = evaluate([TRUCK, silent], INTRUDERS, STORES)

    assert verdict.gaps == {"C-1": GapFigures(p50_s=8.0, p99_s=10.0, longest_s=10.0)}
    assert str(verdict.gaps["C-1"]) == "8.0/10.0/10.0 s"


def test_points_of_other_trucks_in_the_stores_are_not_counted() -> None:
    stores = replace(STORES, in_history=STORES.in_history | {"T-9:1:1"})

    assert evaluate([TRUCK], INTRUDERS, stores).in_history == 5


def test_statuses_that_need_a_dwell_are_required_only_on_request() -> None:
    strict = evaluate([TRUCK], INTRUDERS, STORES, required=STATUSES_ALWAYS | STATUSES_BY_DWELL)

    assert [problem.split(": ")[1] for problem in strict.problems] == [
        "never received at_pickup, arrived",
        "its log has no at_pickup, arrived",
    ]


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentile([], 50) is None
    assert percentile([1.0], 99) == 1.0
    assert percentile([float(n) for n in range(1, 101)], 50) == 50.0
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
