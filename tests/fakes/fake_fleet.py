"""The fleet as the broadcaster reads and writes it, and the leases of its parts, in memory."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence

import msgspec

from rtdts.delivery_store.fleet_leases import Lease
from rtdts.delivery_store.items import to_attribute
from rtdts.position_store.fleet import FleetCounts
from rtdts.tracking.current_delivery import CarriedDelivery, current_delivery
from rtdts.tracking.fleet_messages import Ages, FleetCluster, FleetTruck
from rtdts.tracking.fleet_view import FleetStatus, FleetView
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error

AGES = Ages(stale_after_ms=120_000, offline_after_ms=600_000)


class FakeFleet:
    """Stands for `FleetReader` and `CurrentDeliveries`; writes are visible at once.

    Its clusters are fifths of a degree: the real tiles are OpenSearch's.

    Attributes:
        requested: The views that were counted, in order.
        written: Trucks whose current delivery was written, in order.
        before_count: Called before each count returns.
    """

    def __init__(self) -> None:
        self.requested: list[FleetView] = []
        self.written: list[str] = []
        self.before_count: Callable[[FleetView], None] = lambda _: None
        self._trucks: dict[str, FleetTruck] = {}

    def drives(self, truck: FleetTruck) -> None:
        """Adds a truck, or moves it."""
        self._trucks[truck.truck_id] = truck

    def find(self, truck_id: str) -> FleetTruck:
        """Returns a truck as it is shown."""
        return self._trucks[truck_id]

    def count(self, view: FleetView, *, as_of_ms: int) -> FleetCounts:
        self.requested.append(view)
        self.before_count(view)
        found = self._in(view, as_of_ms)
        tiles: dict[tuple[int, int], list[FleetTruck]] = collections.defaultdict(list)
        for truck in found:
            tiles[int(truck.lat * 5), int(truck.lon * 5)].append(truck)
        clusters = tuple(
            FleetCluster(
                f"9/{lon + 900}/{450 - lat}",
                sum(one.lat for one in trucks) / len(trucks),
                sum(one.lon for one in trucks) / len(trucks),
                len(trucks),
                *(
                    sum(AGES.flags(one, as_of_ms) & flag > 0 for one in trucks)
                    for flag in (1, 2, 4)
                ),
            )
            for (lat, lon), trucks in tiles.items()
        )
        return FleetCounts(total=len(found), clusters=clusters)

    def trucks(self, view: FleetView, *, as_of_ms: int, limit: int) -> Sequence[FleetTruck]:
        return self._in(view, as_of_ms)[:limit]

    def put(self, truck_id: str, carried: Sequence[CarriedDelivery], *, now_ms: int) -> bool:
        truck = self._trucks.get(truck_id)
        if truck is None:
            return False
        current = current_delivery(carried, known_at_ms=now_ms)
        after = msgspec.structs.replace(
            truck,
            delivery_id=current and current.delivery_id,
            status=current and current.status,
            late_from_ms=current and current.late_from_ms,
        )
        if after == truck:
            return False
        self._trucks[truck_id] = after
        self.written.append(truck_id)
        return True

    def _in(self, view: FleetView, as_of_ms: int) -> list[FleetTruck]:
        west, south, east, north = view.bbox
        return [
            truck
            for truck in self._trucks.values()
            if south <= truck.lat <= north
            and (
                west <= truck.lon <= east if west < east else truck.lon >= west or truck.lon <= east
            )
            and _passes(truck, view, as_of_ms)
        ]


def _passes(truck: FleetTruck, view: FleetView, as_of_ms: int) -> bool:
    expected, flags = view.filter, AGES.flags(truck, as_of_ms)
    for flag, bit in ((expected.late, 1), (expected.stale, 2), (expected.offline, 4)):
        if flag is not None and flag != bool(flags & bit):
            return False
    status = FleetStatus.NONE if truck.status is None else FleetStatus(truck.status.value)
    if expected.status is not None and status not in expected.status:
        return False
    search = expected.search or ""
    return truck.truck_id.startswith(search) or (truck.delivery_id or "").startswith(search)


class FakeFleetLeases:
    """Stands for `FleetLeaseStore`.

    Args:
        holder: The holder of the leases that this object acquires.
        shared: Another object whose leases this one shares, as if both used one table.

    Attributes:
        tried: The part of each attempt to acquire a lease, in order.
        acquired: The part of each attempt that succeeded.
        broken: Whether every call fails.
    """

    def __init__(self, holder: str, shared: FakeFleetLeases | None = None) -> None:
        self.tried: list[int] = []
        self.acquired: list[int] = []
        self.broken = False
        self._holder = holder
        self._leases: dict[int, tuple[str, int]] = {} if shared is None else shared._leases

    def acquire(self, part: int, *, now_ms: int, until_ms: int) -> Lease:
        self.tried.append(part)
        if self.broken:
            raise OSError("throttled")
        holder, leased_until_ms = self._leases.get(part, ("", -1))
        if leased_until_ms >= now_ms and (holder, leased_until_ms) != (self._holder, until_ms):
            return Lease(leased_until_ms, is_mine=False)
        lease = {"part": part, "holder": self._holder, "until_ms": until_ms}
        if code := breach("put_item", {"Item": {k: to_attribute(v) for k, v in lease.items()}}):
            raise client_error(code)
        self.acquired.append(part)
        self._leases[part] = self._holder, until_ms
        return Lease(until_ms, is_mine=True)

    def release(self, part: int) -> None:
        if self.broken:
            raise OSError("throttled")
        if self._leases.get(part, ("", 0))[0] == self._holder:
            del self._leases[part]
