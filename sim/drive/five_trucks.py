"""The driver test: trucks' points in, customers' sockets out, checked by point id.

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
from sim.drive.background import run_with_background
from sim.drive.deliveries_api import ApiError, DeliveryRecord
from sim.drive.intruders import HandshakeAttempts, Intruder, make_intruder, try_handshakes
from sim.drive.simulated_truck import SimulatedTruck, System, Transport
from sim.drive.stores import StoreCounts, StoreError, StoreReader
from sim.drive.verdict import (
    STATUSES_ALWAYS,
    STATUSES_BY_DWELL,
    IntruderEvidence,
    TruckEvidence,
    Verdict,
    evaluate,
    percentile,
    stores_are_complete,
)
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.route_library import Route, load_routes
from sim.fleet.trips import Trip, TripTimes, plan_trips

PrintLine = Callable[[str], None]

Meanwhile = Callable[[], Awaitable[None]]
"""Runs beside the drive and starts with it."""

STATIONARY_S = 8.0
"""Time at each end if the service's dwell is unknown: longer than the local cloud's dwell."""

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
    def stationary_s(self) -> float:
        """How long a truck stands at each end."""
        return STATIONARY_S if self.dwell_s is None else self.dwell_s + DWELL_MARGIN_S


def plan_drive(options: DriveOptions, routes: Sequence[Route] | None = None) -> tuple[Trip, ...]:
    """One trip per truck: the first trucks each on their own route, later ones further along.

    Raises:
        TripTooShortError: The duration is too short for two stands and a drive.
    """
    routes = routes or load_routes()
    times = TripTimes(options.duration_s, options.stationary_s)
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
    """Run the trucks, their customers and the intruders; then evaluate the evidence.

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
    trucks = [
        _simulated_truck(system, options, run, number) for number in range(1, options.trucks + 1)
    ]
    ids = [f"D-{run}-{number}" for number in range(1, options.trucks + 1)]
    intruders = [
        # A customer with another delivery than these; with one truck there are no others to try.
        make_intruder(system, trucks[0].customer_id, ids[1:]),
        make_intruder(system, f"C-{run}-stranger", ids),
    ]
    try:
        return await run_with_background(
            _drive(system, options, trucks, trips, ids, intruders, print_line, meanwhile),
            *(truck.run() for truck in trucks),
            *(intruder.run() for intruder in intruders),
            _report_progress(trucks, intruders, print_line),
        )
    finally:
        await asyncio.gather(*(truck.cancel_open_deliveries() for truck in trucks))


def _simulated_truck(
    system: System, options: DriveOptions, run: str, number: int
) -> SimulatedTruck:
    rng = random.Random(f"{options.seed}.device.{number}")
    device = Device(f"T-{run}-{number}", options.profile, rng)
    return SimulatedTruck(
        system,
        device,
        f"C-{run}-{number}",
        compress=options.compress,
        transport=options.transports[(number - 1) % len(options.transports)],
    )


async def _drive(
    system: System,
    options: DriveOptions,
    trucks: Sequence[SimulatedTruck],
    trips: Sequence[Trip],
    ids: Sequence[str],
    intruders: Sequence[Intruder],
    print_line: PrintLine,
    meanwhile: Meanwhile | None,
) -> DriveOutcome:
    by_rule = options.dwell_s is not None
    print_line(f"creating {len(trucks)} deliveries and connecting their customers")
    snapshots = await asyncio.gather(
        *(
            truck.start_delivery(one, trip)
            for truck, one, trip in zip(trucks, ids, trips, strict=True)
        )
    )
    for truck, got in zip(trucks, snapshots, strict=True):
        if not got:
            truck.failures.append("its customer got no snapshot of the delivery before the drive")
    attempts = await try_handshakes(system, trucks[0].truck_id)
    print_line(f"driving {options.duration_s:g} s: {', '.join(truck.truck_id for truck in trucks)}")
    start_ms = system.now_ms()
    is_over = asyncio.Event()
    await asyncio.gather(
        _happen(meanwhile, is_over),
        *(
            truck.drive(trip, start_ms, by_rule=by_rule, stay_until=is_over)
            for truck, trip in zip(trucks, trips, strict=True)
        ),
    )
    print_line("driven; waiting for the last responses, arrivals and hand-overs")
    for truck in trucks:
        await truck.uploader_settled(options.wait_s)
    await asyncio.gather(
        *(truck.complete_delivery(by_rule=by_rule, within_s=options.wait_s) for truck in trucks)
    )
    evidence = [_evidence(truck, await _read(truck), system.now_ms()) for truck in trucks]
    stores = await _await_stores(system, evidence, options.wait_s, print_line)
    required = STATUSES_ALWAYS | STATUSES_BY_DWELL if by_rule else STATUSES_ALWAYS
    verdict = evaluate(evidence, _intrusions(intruders, attempts), stores, required=required)
    return DriveOutcome(verdict, evidence)


async def _happen(meanwhile: Meanwhile | None, is_over: asyncio.Event) -> None:
    if meanwhile is not None:
        await meanwhile()
    is_over.set()


async def _read(truck: SimulatedTruck) -> DeliveryRecord | None:
    try:
        return await truck.read_delivery()
    except ApiError as error:
        truck.failures.append(str(error))
        return None


def _evidence(truck: SimulatedTruck, delivery: DeliveryRecord | None, now_ms: int) -> TruckEvidence:
    report, log = truck.uploader.report, truck.log
    return TruckEvidence(
        truck_id=truck.truck_id,
        customer_id=truck.customer_id,
        fixes=truck.fixes,
        accepted=report.accepted,
        rejected=[entry.reason for entry in report.rejected],
        unsettled=truck.uploader.unsettled,
        messages=log.messages,
        gaps=log.gaps(now_ms),
        statuses=frozenset().union(*log.statuses.values()),
        positions=log.positions,
        foreign=log.foreign,
        broken=log.problems,
        delivery=delivery,
        failures=truck.failures,
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
    trucks: Sequence[SimulatedTruck], intruders: Sequence[Intruder], print_line: PrintLine
) -> None:
    while True:
        await asyncio.sleep(PROGRESS_EVERY_S)
        ages_s = sorted(shown.age_s for truck in trucks for shown in truck.log.positions)
        median_s = percentile(ages_s, 50)
        print_line(
            f"{sum(len(truck.fixes) for truck in trucks)} fixes, "
            f"{sum(len(truck.uploader.report.accepted) for truck in trucks)} accepted, "
            f"{sum(truck.uploader.unsettled for truck in trucks)} waiting; "
            f"{sum(truck.log.messages for truck in trucks)} messages"
            + (f", median age {median_s:.1f} s" if median_s is not None else "")
            + f"; {sum(intruder.rejections for intruder in intruders)} rejections"
        )
