"""What `FleetReader` and `CurrentDeliveries` promise: on the fake, and on a real OpenSearch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from consumer.ports import PositionWriterPort
from rtdts.position_store.client import connect
from rtdts.position_store.fleet import CurrentDeliveries, FleetReader
from rtdts.position_store.index_definitions import LATEST_INDEX
from rtdts.position_store.writer import PositionWriter
from rtdts.tracking.current_delivery import CarriedDelivery, CurrentDelivery
from rtdts.tracking.deliveries import Promise, Status
from rtdts.tracking.fixes import LatestPosition, fix_of
from rtdts.tracking.fleet_messages import FleetTruck
from rtdts.tracking.fleet_view import FleetFilter, FleetStatus, FleetView
from rtdts.tracking.positions import DeliveryProgress
from tests.fakes.fake_fleet import AGES, FakeFleet
from tests.support.consumer_world import START_MS, point
from tests.support.deliveries import unique
from tests.support.latest_positions import LatestPositions

pytestmark = pytest.mark.real

NOW_MS = START_MS + 3_600_000
CITY = (10.0, 50.0, 11.0, 51.0)


class FakeWriting:
    """Writes latest positions into the fake."""

    def __init__(self, fleet: FakeFleet) -> None:
        self._fleet = fleet

    def write_latest(self, latest: list[LatestPosition]) -> None:
        for one in latest:
            shown, current = one.shown, one.current
            if shown is None:
                continue
            self._fleet.drives(
                FleetTruck(
                    truck_id=shown.truck_id,
                    lat=shown.lat,
                    lon=shown.lon,
                    at_ms=shown.counts_at_ms,
                    received_at_ms=one.newest.received_at_ms,
                    heading_deg=shown.shown_heading_deg,
                    speed_mps=shown.shown_speed_mps,
                    delivery_id=current.delivery_id if current else None,
                    status=current.status if current else None,
                    late_from_ms=current.late_from_ms if current else None,
                )
            )


@dataclasses.dataclass
class Store:
    writer: PositionWriterPort | FakeWriting
    reader: FleetReader | FakeFleet
    current: CurrentDeliveries | FakeFleet
    latest: Callable[[str], LatestPosition] | None
    make_visible: Callable[[], object]


@pytest.fixture(params=["fake", "opensearch"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        fake = FakeFleet()
        return Store(FakeWriting(fake), fake, fake, None, lambda: None)
    client = connect(request.getfixturevalue("opensearch_url"))
    positions = LatestPositions(client)
    return Store(
        PositionWriter(client),
        FleetReader(client, AGES),
        CurrentDeliveries(client),
        lambda truck_id: positions.latest([truck_id])[truck_id],
        lambda: client.indices.refresh(index=LATEST_INDEX),
    )


@pytest.fixture
def prefix() -> str:
    """The prefix of the ids of a test's own trucks: all tests share the index."""
    return unique("F")


def truck(
    prefix: str,
    name: str,
    lat: float = 50.5,
    lon: float = 10.5,
    *,
    ago_s: int = 0,
    received_ago_s: int | None = None,
    current: CurrentDelivery | None = None,
    deliveries: tuple[DeliveryProgress, ...] = (),
) -> LatestPosition:
    at_ms = NOW_MS - ago_s * 1_000
    received_at_ms = at_ms if received_ago_s is None else NOW_MS - received_ago_s * 1_000
    fix = fix_of(
        point(
            0,
            0.0,
            truck_id=f"{prefix}.{name}",
            lat=lat,
            lon=lon,
            event_at_ms=at_ms,
            received_at_ms=received_at_ms,
        )
    )
    return LatestPosition(
        newest=fix, shown=fix, current=current, deliveries=deliveries, shown_deliveries=deliveries
    )


def doing(
    delivery_id: str = "D-1", status: Status = Status.IN_TRANSIT, late_in_s: int | None = None
) -> CurrentDelivery:
    return CurrentDelivery(
        delivery_id=delivery_id,
        status=status,
        late_from_ms=None if late_in_s is None else NOW_MS + late_in_s * 1_000,
    )


def write(store: Store, *latest: LatestPosition) -> None:
    store.writer.write_latest(list(latest))
    store.make_visible()


def view(
    prefix: str, bbox: tuple[float, float, float, float] = CITY, **filters: object
) -> FleetView:
    search = {"search": prefix, **filters}
    return FleetView(bbox=bbox, zoom=9, filter=FleetFilter(**search))  # type: ignore[arg-type]


def found(store: Store, prefix: str, expected: FleetView) -> list[str]:
    """Returns the names of the trucks; asserts that their count is the same."""
    trucks = store.reader.trucks(expected, as_of_ms=NOW_MS, limit=400)
    counts = store.reader.count(expected, as_of_ms=NOW_MS)
    assert counts.total == len(trucks) == sum(one.trucks for one in counts.clusters)
    return sorted(one.truck_id.removeprefix(f"{prefix}.") for one in trucks)


def test_a_truck_is_read_as_it_was_written(store: Store, prefix: str) -> None:
    busy = truck(prefix, "busy", current=doing(late_in_s=60))
    write(store, busy, truck(prefix, "idle", received_ago_s=-1))
    trucks = {
        one.truck_id: one for one in store.reader.trucks(view(prefix), as_of_ms=NOW_MS, limit=9)
    }

    assert busy.shown is not None
    assert trucks[f"{prefix}.busy"] == FleetTruck(
        truck_id=f"{prefix}.busy",
        lat=50.5,
        lon=10.5,
        at_ms=NOW_MS,
        received_at_ms=NOW_MS,
        heading_deg=busy.shown.shown_heading_deg,
        speed_mps=busy.shown.shown_speed_mps,
        delivery_id="D-1",
        status=Status.IN_TRANSIT,
        late_from_ms=NOW_MS + 60_000,
    )
    assert trucks[f"{prefix}.idle"].delivery_id is None
    assert trucks[f"{prefix}.idle"].received_at_ms == NOW_MS + 1_000


def test_a_view_contains_the_trucks_inside_its_box(store: Store, prefix: str) -> None:
    write(
        store,
        truck(prefix, "in"),
        truck(prefix, "north", lat=51.1),
        truck(prefix, "west", lon=9.9),
        truck(prefix, "far", lat=-50.5, lon=-10.5),
    )

    assert found(store, prefix, view(prefix)) == ["in"]
    assert found(store, prefix, view(prefix, (-180, -90, 180, 90))) == [
        "far", "in", "north", "west",
    ]  # fmt: skip


def test_a_box_across_the_antimeridian_contains_trucks_on_both_sides(
    store: Store, prefix: str
) -> None:
    write(
        store,
        truck(prefix, "fiji", lat=-17.0, lon=178.0),
        truck(prefix, "samoa", lat=-14.0, lon=-172.0),
        truck(prefix, "edge", lat=-15.0, lon=180.0),
        truck(prefix, "perth", lat=-17.0, lon=116.0),
    )

    assert found(store, prefix, view(prefix, (170, -20, -170, -10))) == ["edge", "fiji", "samoa"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["arrived", "idle", "late", "offline", "stale"]),
        ({"status": (FleetStatus.IN_TRANSIT,)}, ["late", "offline", "stale"]),
        ({"status": (FleetStatus.NONE,)}, ["idle"]),
        ({"status": (FleetStatus.NONE, FleetStatus.ARRIVED)}, ["arrived", "idle"]),
        ({"late": True}, ["late"]),
        ({"late": False}, ["arrived", "idle", "offline", "stale"]),
        ({"stale": True}, ["offline", "stale"]),
        ({"offline": True}, ["offline"]),
        ({"stale": True, "offline": False}, ["stale"]),
        ({"late": True, "status": (FleetStatus.ARRIVED,)}, []),
    ],
    ids=str,
)
def test_filters_can_be_combined(
    store: Store, prefix: str, filters: dict[str, Any], names: list[str]
) -> None:
    write(
        store,
        truck(prefix, "idle"),
        truck(prefix, "arrived", current=doing(status=Status.ARRIVED)),
        truck(prefix, "late", current=doing(late_in_s=0)),
        truck(prefix, "stale", ago_s=121, received_ago_s=1, current=doing(late_in_s=1)),
        truck(prefix, "offline", ago_s=601, current=doing()),
    )

    assert found(store, prefix, view(prefix, **filters)) == names


def test_a_search_finds_trucks_and_deliveries_by_the_prefix_of_their_ids(
    store: Store, prefix: str
) -> None:
    other = unique("G")
    write(
        store,
        truck(prefix, "T-1"),
        truck(other, "T-2", current=doing(delivery_id=f"{prefix}.D-7")),
        truck(other, "T-3", current=doing(delivery_id="D-7")),
    )

    assert found(store, prefix, view(prefix)) == [f"{other}.T-2", "T-1"]
    assert found(store, prefix, view(prefix, search=f"{prefix}.T")) == ["T-1"]
    assert found(store, prefix, view(prefix, search=f"{prefix}.t")) == []


def test_clusters_have_position_count_and_statuses(store: Store, prefix: str) -> None:
    near = [truck(prefix, f"n{number}", lat=50.5, lon=10.5 + number / 1e4) for number in range(4)]
    late = truck(prefix, "late", current=doing(late_in_s=-1))
    far = truck(prefix, "far", lat=50.9, lon=10.1, ago_s=700)
    write(store, *near, late, far)
    counts = store.reader.count(view(prefix), as_of_ms=NOW_MS)

    many, one = sorted(counts.clusters, key=lambda cluster: -cluster.trucks)
    assert (many.trucks, many.late, many.stale, many.offline) == (5, 1, 0, 0)
    assert (one.trucks, one.late, one.stale, one.offline) == (1, 0, 1, 1)
    assert many.lat == pytest.approx(50.5, abs=1e-3)
    assert many.lon == pytest.approx(10.50012, abs=1e-3)
    assert many.tile != one.tile


def test_no_more_trucks_are_read_than_the_limit(store: Store, prefix: str) -> None:
    write(store, *(truck(prefix, f"n{number}") for number in range(5)))

    assert len(store.reader.trucks(view(prefix), as_of_ms=NOW_MS, limit=3)) == 3


def carried(delivery_id: str, status: Status, end_ms: int | None = None) -> CarriedDelivery:
    return CarriedDelivery(delivery_id=delivery_id, status=status, promise=Promise(end_ms))


def test_a_current_delivery_is_corrected_and_then_overwritten_by_the_next_point(
    store: Store, prefix: str
) -> None:
    truck_id = f"{prefix}.T"
    before = truck(prefix, "T", ago_s=10, current=doing("D-1"))
    write(store, before)
    assigned = [carried("D-2", Status.ASSIGNED), carried("D-3", Status.NEARBY, NOW_MS)]

    assert store.current.put(truck_id, assigned, now_ms=NOW_MS)
    assert not store.current.put(truck_id, assigned, now_ms=NOW_MS)
    store.make_visible()
    (now,) = store.reader.trucks(view(prefix), as_of_ms=NOW_MS, limit=9)
    assert (now.delivery_id, now.status, now.late_from_ms) == ("D-3", Status.NEARBY, NOW_MS)
    if store.latest is not None:
        nearby = CurrentDelivery(delivery_id="D-3", status=Status.NEARBY, late_from_ms=NOW_MS)
        assert store.latest(truck_id) == msgspec.structs.replace(
            before, current=nearby, newest=store.latest(truck_id).newest, shown=before.shown
        )

    assert store.current.put(truck_id, [], now_ms=NOW_MS)
    store.make_visible()
    assert found(store, prefix, view(prefix, status=(FleetStatus.NONE,))) == ["T"]
    write(store, truck(prefix, "T", ago_s=5, current=doing("D-4")))
    (later,) = store.reader.trucks(view(prefix), as_of_ms=NOW_MS, limit=9)
    assert later.delivery_id == "D-4"


def test_a_truck_without_a_position_has_no_current_delivery(store: Store, prefix: str) -> None:
    assert not store.current.put(f"{prefix}.none", [carried("D-1", Status.ASSIGNED)], now_ms=NOW_MS)
