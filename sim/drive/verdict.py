"""The verdict on a drive, by point id: from the responses, the stores and the messages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from rtdts.tracking.deliveries import Status
from sim.drive.customer_log import Gap, ShownPosition
from sim.drive.deliveries_api import DeliveryRecord
from sim.drive.stores import StoreCounts
from sim.fleet.device import Fix

STATUSES_ALWAYS = frozenset({Status.ASSIGNED, Status.IN_TRANSIT, Status.NEARBY, Status.DELIVERED})
"""The statuses of every trip, by rule or by the driver's declaration."""

STATUSES_BY_DWELL = frozenset({Status.AT_PICKUP, Status.ARRIVED})
"""Further statuses of a trip whose truck stands longer than the service's dwell."""


@dataclass(frozen=True)
class TruckEvidence:
    """What is known about one truck and its customer at the end of a drive.

    Attributes:
        fixes: Every fix made, by id.
        accepted: The fixes that the service accepted, by id.
        rejected: Why other fixes were rejected.
        unsettled: How many points were never settled.
        messages: How many the customer received about its delivery.
        gaps: The intervals in which the customer received nothing.
        statuses: The statuses that the customer received.
        positions: The positions that the customer received.
        foreign: Messages about deliveries of others.
        broken: Messages that violate the service's contract.
        delivery: The delivery at the end; None when it could not be read.
        failures: What the truck's driver could not do.
    """

    truck_id: str
    customer_id: str
    fixes: Mapping[str, Fix]
    accepted: Mapping[str, Fix]
    rejected: Sequence[str]
    unsettled: int
    messages: int
    gaps: Sequence[Gap]
    statuses: frozenset[Status]
    positions: Sequence[ShownPosition]
    foreign: Sequence[str]
    broken: Sequence[str]
    delivery: DeliveryRecord | None
    failures: Sequence[str] = ()


@dataclass(frozen=True)
class IntruderEvidence:
    """What the intruders achieved.

    Attributes:
        rejections: How often an attempt was denied, attempts to open a socket included.
        undetected: What was requested and never denied.
        foreign: Messages sent to viewers without a right to them.
        opened: Sockets that opened although they must not.
    """

    rejections: int
    undetected: Sequence[str]
    foreign: Sequence[str]
    opened: Sequence[str] = ()


@dataclass(frozen=True)
class GapFigures:
    """How long a customer received nothing between two messages."""

    p50_s: float
    p99_s: float
    longest_s: float

    def __str__(self) -> str:
        return f"{self.p50_s:.1f}/{self.p99_s:.1f}/{self.longest_s:.1f} s"

    @classmethod
    def of(cls, gaps: Sequence[Gap]) -> GapFigures | None:
        """The figures; None without gaps."""
        lengths_s = sorted(gap.length_s for gap in gaps)
        p50_s, p99_s = percentile(lengths_s, 50), percentile(lengths_s, 99)
        if p50_s is None or p99_s is None:
            return None
        return cls(p50_s, p99_s, lengths_s[-1])


@dataclass(frozen=True)
class Verdict:
    """The result of a drive.

    Attributes:
        in_history, in_raw, latest_ok: None when the stores are not accessible.
        latest_ok: For how many trucks the latest position is the newest accepted fix.
        messages: Number of messages by customer.
        gaps: Gaps by customer; without customers that received nothing.
        problems: Why it is not ok, as text for people; empty when it is ok.
        unseen: What could not be judged, as text for people.
    """

    trucks: int
    accepted: int
    in_history: int | None
    in_raw: int | None
    latest_ok: int | None
    messages: Mapping[str, int]
    gaps: Mapping[str, GapFigures]
    statuses: tuple[Status, ...]
    rejections: int
    foreign: int
    age_p50_s: float | None
    age_p99_s: float | None
    problems: tuple[str, ...]
    unseen: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether there were no problems."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """The verdict under exactly the documented names."""
        return {
            "accepted": self.accepted,
            "in_history": self.in_history,
            "in_raw": self.in_raw,
            "latest_ok": self.latest_ok,
            "messages": dict(self.messages),
            "statuses": [status.value for status in self.statuses],
            "rejections": self.rejections,
            "foreign": self.foreign,
            "age_p50_s": self.age_p50_s,
            "age_p99_s": self.age_p99_s,
            "ok": self.ok,
        }


def evaluate(
    trucks: Sequence[TruckEvidence],
    intruders: IntruderEvidence,
    stores: StoreCounts | None,
    *,
    required: Set[Status] = STATUSES_ALWAYS,
) -> Verdict:
    """Evaluate all the evidence.

    Args:
        trucks: One entry per truck.
        intruders: The evidence of the intruders.
        stores: None when OpenSearch is not accessible.
        required: Statuses that each delivery must go through and each customer must receive.
    """
    problems = [problem for truck in trucks for problem in _truck_problems(truck, required)]
    foreign = [one for truck in trucks for one in truck.foreign] + list(intruders.foreign)
    problems += [f"sent to a viewer without a right to it: {one}" for one in foreign]
    problems += _intruder_problems(intruders)
    accepted = {one for truck in trucks for one in truck.accepted}
    unseen: tuple[str, ...] = ()
    latest_ok = None
    if stores is None:
        unseen = (
            "the raw log, the history and the latest positions: this environment has no "
            "OpenSearch (OpenSearchURL)",
        )
    else:
        latest_ok = sum(_latest_is_newest(truck, stores) for truck in trucks)
        problems += _store_problems(trucks, accepted, stores)
    ages_s = sorted(shown.age_s for truck in trucks for shown in truck.positions)
    seen = {status for truck in trucks for status in truck.statuses}
    return Verdict(
        trucks=len(trucks),
        accepted=len(accepted),
        in_history=None if stores is None else len(stores.in_history & accepted),
        in_raw=None if stores is None else len(stores.in_raw & accepted),
        latest_ok=latest_ok,
        messages={truck.customer_id: truck.messages for truck in trucks},
        gaps={
            truck.customer_id: figures
            for truck in trucks
            if (figures := GapFigures.of(truck.gaps)) is not None
        },
        statuses=tuple(status for status in Status if status in seen),
        rejections=intruders.rejections,
        foreign=len(foreign),
        age_p50_s=percentile(ages_s, 50),
        age_p99_s=percentile(ages_s, 99),
        problems=tuple(problems),
        unseen=unseen,
    )


def _truck_problems(truck: TruckEvidence, required: Set[Status]) -> list[str]:
    viewer, customer = truck.truck_id, truck.customer_id
    problems = [f"{viewer}: {failure}" for failure in truck.failures]
    problems += [f"{viewer}: a point was refused: {reason}" for reason in truck.rejected]
    if not truck.accepted:
        problems.append(f"{viewer}: no point was accepted")
    if truck.unsettled:
        problems.append(f"{viewer}: {truck.unsettled} points never got a final response")
    if not truck.positions:
        problems.append(f"{customer}: no position reached its socket")
    problems += [f"{customer}: {problem}" for problem in truck.broken]
    problems += [
        f"{customer}: was shown {shown.lat}, {shown.lon}, where its truck was not"
        for shown in truck.positions
        if not _is_a_fix(shown, truck.fixes)
    ]
    if untold := [status for status in Status if status in required - truck.statuses]:
        problems.append(f"{customer}: never received {', '.join(untold)}")
    problems += _log_problems(truck, required)
    return problems


def _log_problems(truck: TruckEvidence, required: Set[Status]) -> list[str]:
    delivery = truck.delivery
    if delivery is None:
        return [f"{truck.truck_id}: its delivery could not be read"]
    problems = []
    versions = [event.version for event in delivery.events]
    if versions != list(range(1, delivery.version + 1)):
        problems.append(f"{delivery.delivery_id}: its log has gaps: {versions}")
    logged = {event.status for event in delivery.events}
    if missing := [status for status in Status if status in required and status not in logged]:
        problems.append(f"{delivery.delivery_id}: its log has no {', '.join(missing)}")
    return problems


def _is_a_fix(shown: ShownPosition, fixes: Mapping[str, Fix]) -> bool:
    return any(
        fix.recorded_at_ms == shown.position_at_ms
        and math.isclose(fix.lat, shown.lat, abs_tol=1e-6)
        and math.isclose(fix.lon, shown.lon, abs_tol=1e-6)
        for fix in fixes.values()
    )


def _intruder_problems(intruders: IntruderEvidence) -> list[str]:
    problems = [f"a socket opened with {key}" for key in intruders.opened]
    problems += [f"an intruder was never refused: {one}" for one in intruders.undetected]
    if intruders.rejections == 0:
        problems.append("nothing was refused: the right to view was not tried")
    return problems


def _latest_is_newest(truck: TruckEvidence, stores: StoreCounts) -> bool:
    newest_ms = max((fix.recorded_at_ms for fix in truck.accepted.values()), default=None)
    return newest_ms is not None and stores.latest_at_ms.get(truck.truck_id) == newest_ms


def _store_problems(
    trucks: Sequence[TruckEvidence], accepted: set[str], stores: StoreCounts
) -> list[str]:
    problems = []
    for name, found in (("history", stores.in_history), ("raw log", stores.in_raw)):
        if missing := sorted(accepted - found):
            problems.append(
                f"{len(missing)} accepted points are not in the {name}, the first {missing[0]}"
            )
    if stores.history_copies:
        problems.append(f"{stores.history_copies} points are in the history more than once")
    problems += [
        f"{truck.truck_id}: its latest position is not its newest accepted point"
        for truck in trucks
        if not _latest_is_newest(truck, stores)
    ]
    return problems


def stores_are_complete(trucks: Sequence[TruckEvidence], stores: StoreCounts) -> bool:
    """Whether the stores hold everything that was accepted."""
    accepted = {one for truck in trucks for one in truck.accepted}
    return not _store_problems(trucks, accepted, stores)


def percentile(ascending: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile; None without values."""
    if not ascending:
        return None
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]
