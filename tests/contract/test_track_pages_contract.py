"""What `TrackPages` and its fake promise: on the fake, and on a real OpenSearch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from consumer.ports import PositionWriterPort
from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from rtdts.position_store.track_pages import PagePoint, TrackPage, TrackPages
from rtdts.position_store.writer import HistoryWrite, PositionWriter
from rtdts.tracking.fixes import Fix, fix_of
from tests.fakes.fake_position_store import FakePositionStore
from tests.support.consumer_world import START_MS, point
from tests.support.deliveries import unique

pytestmark = pytest.mark.real


@dataclasses.dataclass
class History:
    writer: PositionWriterPort
    pages: TrackPages | FakePositionStore
    make_visible: Callable[[], object]
    truck_id: str

    def has(self, *fixes: Fix) -> None:
        self.writer.write_history([HistoryWrite(fix=one, knowledge=2) for one in fixes])
        self.make_visible()

    def fix(self, second: int, **changed: object) -> Fix:
        one = msgspec.structs.replace(
            point(second, 10.0 * second, truck_id=self.truck_id), **changed
        )
        return fix_of(one)

    def page(self, from_s: float, to_s: float, limit: int = 100) -> TrackPage:
        return self.pages.page(
            self.truck_id,
            from_ms=START_MS + round(from_s * 1_000),
            to_ms=START_MS + round(to_s * 1_000),
            limit=limit,
        )


@pytest.fixture(params=["fake", "opensearch"])
def history(request: pytest.FixtureRequest) -> History:
    truck_id = unique("T-track")
    if request.param == "fake":
        fake = FakePositionStore()
        return History(fake, fake, lambda: None, truck_id)
    client = connect(request.getfixturevalue("opensearch_url"))
    return History(
        PositionWriter(client),
        TrackPages(client),
        lambda: client.indices.refresh(index=POSITIONS_PATTERN),
        truck_id,
    )


def seconds(page: TrackPage) -> list[float]:
    return [(one.event_at_ms - START_MS) / 1_000 for one in page.points]


def test_an_interval_is_read_in_order_and_without_its_end(history: History) -> None:
    history.has(*(history.fix(second) for second in (4, 1, 3, 0, 2)))
    page = history.page(1, 4)

    assert seconds(page) == [1, 2, 3]
    assert page.next_ms is None


def test_a_point_has_every_documented_field(history: History) -> None:
    fix = history.fix(1, speed_mps=3.5, heading_deg=90.0, accuracy_m=6.5)
    history.has(fix)

    assert history.page(0, 2).points == (
        PagePoint(fix.event_at_ms, fix.lat, fix.lon, 3.5, 90.0, 6.5),
    )


def test_bad_points_and_points_of_other_trucks_are_omitted(history: History) -> None:
    other = fix_of(point(1, 10.0, truck_id=unique("T-other")))
    bad = msgspec.structs.replace(history.fix(2), quality=("frozen",))
    history.has(history.fix(1), bad, other)

    assert seconds(history.page(0, 10)) == [1]


def test_pages_yield_each_point_once_and_skip_none(history: History) -> None:
    history.has(*(history.fix(second) for second in range(25)))
    read, from_s, pages = [], 0.0, 0
    while True:
        page = history.page(from_s, 100, limit=7)
        pages += 1
        read += seconds(page)
        assert len(page.points) <= 7
        if page.next_ms is None:
            break
        from_s = (page.next_ms - START_MS) / 1_000

    assert read == list(range(25))
    assert pages == 4


def test_points_with_the_same_time_are_on_one_page(history: History) -> None:
    at_ms = START_MS + 2_000
    alike = [history.fix(2, event_at_ms=at_ms, recorded_at_ms=at_ms + n) for n in range(3)]
    history.has(history.fix(0), history.fix(1), *alike, history.fix(3))
    first = history.page(0, 100, limit=4)
    assert first.next_ms is not None
    second = history.page((first.next_ms - START_MS) / 1_000, 100, limit=4)

    assert seconds(first) == [0, 1]
    assert seconds(second) == [2, 2, 2, 3]


def test_more_points_with_one_time_than_fit_on_a_page_do_not_block_the_next_page(
    history: History,
) -> None:
    at_ms = START_MS + 2_000
    alike = [history.fix(2, event_at_ms=at_ms, recorded_at_ms=at_ms + n) for n in range(5)]
    history.has(*alike, history.fix(9))
    first = history.page(0, 100, limit=3)
    assert first.next_ms is not None

    assert len(first.points) == 3
    assert seconds(history.page((first.next_ms - START_MS) / 1_000, 100, limit=3)) == [9]


def test_a_track_ends_after_more_points_with_its_last_time_than_fit_on_a_page(
    history: History,
) -> None:
    at_ms = START_MS + 2_000
    alike = [history.fix(2, event_at_ms=at_ms, recorded_at_ms=at_ms + n) for n in range(5)]
    history.has(*alike)
    last = history.page(0, 2.001, limit=3)

    assert seconds(last) == [2, 2, 2]
    assert last.next_ms is None, "there is no page after the end"


def test_days_without_an_index_and_unknown_trucks_have_an_empty_track(history: History) -> None:
    assert history.page(-86_400, 0) == TrackPage((), None)
