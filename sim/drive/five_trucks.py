"""The driver test: trucks' points in, customers' sockets out, judged by point id.

Named after its usual size; the number of trucks is a parameter.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from rtdts.runtime.deadline import Deadline
from sim.drive.crew import Crew, System, Transport
from sim.drive.deliveries_api import ApiError, DeliveryRecord
from sim.drive.intruders import HandshakeAttempts, Intruder, make_intruder, try_handshakes
from sim.drive.stores import StoreCounts, StoreError, StoreReader
from sim.drive.together import together
from sim.drive.verdict import (
    STATUSES_ALWAYS,
    STATUSES_BY_DWELL,
    IntruderEvidence,
    TruckEvidence,
    Verdict,
    judge,
    percentile,
    stores_are_complete,
)
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.route_library import Route, load_routes
from sim.fleet.trips import Trip, TripTimes, plan_trips

PrintLine = Callable[[str], None]

Meanwhile = Callable[[], Awaitable[None]]
"""Runs beside the drive and starts with it."""

STAND_S = 8.0
"""Stand at each end when the service's dwell is unknown: longer than the local cloud's dwell."""

DWELL_MARGIN_S = 2.0
PROGRESS_EVERY_S = 5.0
STORES_EVERY_S = 1.0


@dataclass(frozen=True)
class DriveOptions:
    """Options of a drive.

    Attributes:
        trucks: Number of trucks.
        duration_s: Duration of each truck's trip.
        dwell_s: The service's dwell setting, if it is known and a stand may last that long: then
            the service must detect pickup and arrival itself.
        seed: Seed of all random choices.
        compress: Whether the trucks send gzip.
        transports: The transports that trucks use, in turn: with two, every other truck uses the
            second.
        wait_s: How long to wait for the stores, and for each expected message.
        profile: Profile of the trucks' devices.
    """

    trucks: int = 5
    duration_s: float = 60.0
    dwell_s: float | None = None
    seed: int = 1
    compress: bool = False
    transports: tuple[Transport, ...] = ("http",)
    wait_s: float = 60.0
    profile: DeviceProfile = field(default_factory=DeviceProfile)

    @property
    def stand_s(self) -> float:
        """How long a truck stands at each end."""
        return STAND_S if self.dwell_s is None else self.dwell_s + DWELL_MARGIN_S


def plan_drive(options: DriveOptions, routes: Sequence[Route] | None = None) -> tuple[Trip, ...]:
    """One trip per truck: the first trucks each on their own route, later ones further along.

    Raises:
        TripTooShortError: The duration is too short for two stands and a drive.
    """
    routes = routes or load_routes()
    times = TripTimes(options.duration_s, options.stand_s)
    trips = []
    for number in range(options.trucks):
        turn, route = divmod(number, len(routes))
        rng = random.Random(f"{options.seed}.{number}")
        along = plan_trips(routes[route], times, rng=rng)
        trips.append(next(islice(along, turn, None)))
    return tuple(trips)


@dataclass(frozen=True)
class DriveOutcome:
    """The result of a drive: the verdict and its evidence."""

    verdict: Verdict
    trucks: Sequence[TruckEvidence]


async def drive_fleet(
    system: System,
    options: DriveOptions,
    print_line: PrintLine,
    *,
    meanwhile: Meanwhile | None = None,
) -> DriveOutcome:
    """Run the trucks, their customers and the intruders; then judge the evidence.

    Args:
        system: The system under test.
        options: What to drive.
        print_line: Receives progress lines.
        meanwhile: What happens to the system during the drive. The trucks report until it is over,
            so all of it falls between the first point and the last.

    Raises:
        TripTooShortError: See `plan_drive`.
        ApiError: The deliveries could not be created.
        TokenError: No token could be obtained.
        HandshakeRejectedError: A customer's socket was rejected.
    """
    trips = plan_drive(options)
    run = secrets.token_hex(3)
    crews = [_crew(system, options, run, number) for number in range(1, options.trucks + 1)]
    ids = [f"D-{run}-{number}" for number in range(1, options.trucks + 1)]
    intruders = [
        # A customer with another delivery than these; with one truck there are no others to try.
        make_intruder(system, crews[0].customer_id, ids[1:]),
        make_intruder(system, f"C-{run}-stranger", ids),
    ]
    try:
        return await together(
            _drive(system, options, crews, trips, ids, intruders, print_line, meanwhile),
            *(crew.run() for crew in crews),
            *(intruder.run() for intruder in intruders),
            _report_progress(crews, intruders, print_line),
        )
    finally:
        await asyncio.gather(*(crew.tidy_up() for crew in crews))


def _crew(system: System, options: DriveOptions, run: str, number: int) -> Crew:
    rng = random.Random(f"{options.seed}.device.{number}")
    device = Device(f"T-{run}-{number}", options.profile, rng)
    return Crew(
        system,
        device,
        f"C-{run}-{number}",
        compress=options.compress,
        transport=options.transports[(number - 1) % len(options.transports)],
    )


async def _drive(
    system: System,
    options: DriveOptions,
    crews: Sequence[Crew],
    trips: Sequence[Trip],
    ids: Sequence[str],
    intruders: Sequence[Intruder],
    print_line: PrintLine,
    meanwhile: Meanwhile | None,
) -> DriveOutcome:
    by_rule = options.dwell_s is not None
    print_line(f"creating {len(crews)} deliveries and connecting their customers")
    snapshots = await asyncio.gather(
        *(crew.take_on(one, trip) for crew, one, trip in zip(crews, ids, trips, strict=True))
    )
    for crew, got in zip(crews, snapshots, strict=True):
        if not got:
            crew.failures.append("its customer got no snapshot of the delivery before the drive")
    attempts = await try_handshakes(system, crews[0].truck_id)
    print_line(f"driving {options.duration_s:g} s: {', '.join(crew.truck_id for crew in crews)}")
    start_ms = system.now_ms()
    is_over = asyncio.Event()
    await asyncio.gather(
        _happen(meanwhile, is_over),
        *(
            crew.drive(trip, start_ms, by_rule=by_rule, stay_until=is_over)
            for crew, trip in zip(crews, trips, strict=True)
        ),
    )
    print_line("driven; waiting for the last responses, arrivals and hand-overs")
    for crew in crews:
        await crew.uploader_settled(options.wait_s)
    await asyncio.gather(
        *(crew.hand_over(by_rule=by_rule, within_s=options.wait_s) for crew in crews)
    )
    evidence = [_evidence(crew, await _read(crew), system.now_ms()) for crew in crews]
    stores = await _await_stores(system, evidence, options.wait_s, print_line)
    required = STATUSES_ALWAYS | STATUSES_BY_DWELL if by_rule else STATUSES_ALWAYS
    verdict = judge(evidence, _intrusions(intruders, attempts), stores, required=required)
    return DriveOutcome(verdict, evidence)


async def _happen(meanwhile: Meanwhile | None, is_over: asyncio.Event) -> None:
    if meanwhile is not None:
        await meanwhile()
    is_over.set()


async def _read(crew: Crew) -> DeliveryRecord | None:
    try:
        return await crew.read_delivery()
    except ApiError as error:
        crew.failures.append(str(error))
        return None


def _evidence(crew: Crew, delivery: DeliveryRecord | None, now_ms: int) -> TruckEvidence:
    report, log = crew.uploader.report, crew.log
    return TruckEvidence(
        truck_id=crew.truck_id,
        customer_id=crew.customer_id,
        fixes=crew.fixes,
        accepted=report.accepted,
        rejected=[entry.reason for entry in report.rejected],
        unsettled=crew.uploader.unsettled,
        messages=log.messages,
        gaps=log.gaps(now_ms),
        statuses=frozenset().union(*log.statuses.values()),
        positions=log.positions,
        foreign=log.foreign,
        broken=log.problems,
        delivery=delivery,
        failures=crew.failures,
    )


def _intrusions(intruders: Iterable[Intruder], attempts: HandshakeAttempts) -> IntruderEvidence:
    intruders = list(intruders)
    return IntruderEvidence(
        rejections=attempts.rejected + sum(intruder.rejections for intruder in intruders),
        undetected=[
            f"{intruder.identity} tracking {one}"
            for intruder in intruders
            for one in intruder.undetected
        ],
        foreign=[one for intruder in intruders for one in intruder.log.foreign],
        opened=attempts.opened,
    )


async def _await_stores(
    system: System, evidence: Sequence[TruckEvidence], wait_s: float, print_line: PrintLine
) -> StoreCounts | None:
    """Read the stores until they hold everything, or until time runs out."""
    if not system.environment.opensearch_url:
        return None
    reader = StoreReader(system.session, system.environment.opensearch_url)
    ids = {truck.truck_id: list(truck.accepted) for truck in evidence}
    accepted = sum(map(len, ids.values()))
    deadline = Deadline(wait_s)
    counts = StoreCounts(frozenset(), 0, frozenset(), {})
    printed = ""
    while True:
        try:
            counts = await reader.count(ids)
            status = (
                f"of {accepted} accepted points {len(counts.in_history)} are in the history, "
                f"{len(counts.in_raw)} in the raw log"
            )
        except StoreError as error:
            status = f"OpenSearch: {error}"
        if status != printed:
            print_line(status)
            printed = status
        if deadline.passed or stores_are_complete(evidence, counts):
            return counts
        await system.sleep(STORES_EVERY_S)


async def _report_progress(
    crews: Sequence[Crew], intruders: Sequence[Intruder], print_line: PrintLine
) -> None:
    while True:
        await asyncio.sleep(PROGRESS_EVERY_S)
        ages_s = sorted(shown.age_s for crew in crews for shown in crew.log.positions)
        median_s = percentile(ages_s, 50)
        print_line(
            f"{sum(len(crew.fixes) for crew in crews)} fixes, "
            f"{sum(len(crew.uploader.report.accepted) for crew in crews)} accepted, "
            f"{sum(crew.uploader.unsettled for crew in crews)} waiting; "
            f"{sum(crew.log.messages for crew in crews)} messages"
            + (f", median age {median_s:.1f} s" if median_s is not None else "")
            + f"; {sum(intruder.rejections for intruder in intruders)} refusals"
        )
