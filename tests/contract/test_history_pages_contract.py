"""What the consumer reads from the history: on the fake, and on a real OpenSearch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import msgspec
import pytest

from consumer.ports import PositionReaderPort, PositionWriterPort
from rtdts.position_store import history_pages
from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.client import connect
from rtdts.position_store.history_pages import HistoryFix, HistoryInterval, HistoryPages, Stamp
from rtdts.position_store.writer import PROVISIONAL, HistoryWrite, PositionWriter
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.positions import DeliveryProgress
from tests.fakes.fake_position_store import FakePositionStore
from tests.support.consumer_world import START_MS, point, shifted
from tests.support.deliveries import unique

pytestmark = pytest.mark.real

DAY_S = 86_400
MIDNIGHT_S = DAY_S - START_MS // 1_000 % DAY_S
"""Seconds from `START_MS` to the next daily index."""


@dataclasses.dataclass
class History:
    writer: PositionWriterPort
    pages: PositionReaderPort

    def write(self, *writes: HistoryWrite, refresh: bool = True) -> None:
        outcomes = self.writer.write_history(writes)
        assert [outcome.result for outcome in outcomes] == [WriteResult.WRITTEN] * len(writes)
        if refresh:
            self.pages.refresh()


@pytest.fixture(params=["fake", "opensearch"])
def history(request: pytest.FixtureRequest) -> History:
    if request.param == "fake":
        fake = FakePositionStore()
        return History(fake, fake)
    client = connect(request.getfixturevalue("opensearch_url"))
    return History(PositionWriter(client), HistoryPages(client))


@pytest.fixture
def truck_id() -> str:
    return unique("T")


def fix_at(truck_id: str, second: int, n: int = 1, **changed: object) -> Fix:
    return fix_of(point(second, 10.0 * second, truck_id=truck_id, **changed), n)


def of(*fixes: Fix, knowledge: int = 5) -> list[HistoryWrite]:
    return [HistoryWrite(fix=one, knowledge=knowledge) for one in fixes]


def around(truck_id: str, from_s: int, to_s: int) -> HistoryInterval:
    return HistoryInterval(truck_id, START_MS + from_s * 1_000, START_MS + to_s * 1_000)


def seconds(found: Iterable[HistoryFix]) -> list[int]:
    return sorted((one.fix.event_at_ms - START_MS) // 1_000 for one in found)


def ids(found: Sequence[HistoryFix]) -> list[str]:
    return sorted(one.fix.point_id for one in found)


def test_a_truck_is_known_if_the_history_has_a_point_of_it(history: History, truck_id: str) -> None:
    other = unique("T")
    history.write(*of(fix_at(truck_id, 0), fix_at(truck_id, MIDNIGHT_S)))
    history.write(HistoryWrite(fix=fix_at(other, 0), beyond=True))

    assert history.pages.known_trucks([unique("T"), truck_id, other]) == {truck_id, other}
    assert history.pages.known_trucks([]) == frozenset()


def test_a_fix_is_read_back_as_written(history: History, truck_id: str) -> None:
    full = fix_at(
        truck_id,
        0,
        7,
        accuracy_m=4.5,
        speed_mps=None,
        heading_deg=None,
        altitude_m=-3.25,
        satellites=9,
        hdop=0.75,
        ignition=False,
        battery_pct=99.5,
        odometer_m=123_456.5,
        source="mqtt",
    )
    full = msgspec.structs.replace(
        full,
        distance_m=1.5,
        implied_speed_mps=0.125,
        track_speed_mps=0.5,
        track_heading_deg=359.5,
        moving=True,
        quality=("frozen", "teleport"),
    )
    bare = fix_of(shifted(point(1, 0.1, truck_id=truck_id), -90_500), 1 << 40)
    late = fix_at(truck_id, 2, 0, seq=None)
    progress = (DeliveryProgress(delivery_id="D-1", distance_remaining_m=None),)
    history.write(
        HistoryWrite(fix=full, deliveries=progress, knowledge=1 << 41),
        HistoryWrite(fix=bare),
        HistoryWrite(fix=late, beyond=True),
    )

    found = history.pages.after(truck_id, START_MS - 3_600_000, 10)

    assert list(found) == [
        HistoryFix(bare, PROVISIONAL, beyond=False),
        HistoryFix(full, 1 << 41, beyond=False),
        HistoryFix(late, PROVISIONAL, beyond=True),
    ]


def test_a_provisional_write_does_not_change_a_settled_document(
    history: History, truck_id: str
) -> None:
    settled = fix_at(truck_id, 0, 3)
    history.write(*of(settled, knowledge=4))

    history.write(HistoryWrite(fix=msgspec.structs.replace(settled, n=9, moving=True)))

    assert list(history.pages.after(truck_id, START_MS, 5)) == [HistoryFix(settled, 4, False)]
    assert history.pages.stored([settled])[settled.point_id].n == 3


def test_a_point_is_found_by_its_id_before_any_refresh(history: History, truck_id: str) -> None:
    first, beyond = fix_at(truck_id, 0, 4), fix_at(truck_id, 1, 0)
    history.write(*of(first), HistoryWrite(fix=beyond, beyond=True), refresh=False)

    found = history.pages.stored([first, beyond, fix_at(truck_id, 2)])

    assert found == {
        first.point_id: Stamp(START_MS, 4, False),
        beyond.point_id: Stamp(START_MS + 1_000, 0, True),
    }
    assert history.pages.stored([]) == {}


@pytest.mark.parametrize("ahead_ms", [31_000, -31_000])
def test_a_copy_with_another_time_is_found_before_any_refresh(
    history: History, truck_id: str, ahead_ms: int
) -> None:
    """The two times are on either side of midnight, in two daily indexes."""
    plain = point(MIDNIGHT_S + (-10 if ahead_ms < 0 else 10), 0.0, truck_id=truck_id)
    moved = shifted(plain, -ahead_ms)
    history.write(*of(fix_of(plain, 2)), refresh=False)

    found = history.pages.stored([moved])

    assert found == {fix_of(plain).point_id: Stamp(plain.event_at_ms, 2, False)}


def test_the_earliest_of_two_copies_with_different_times_is_found(
    history: History, truck_id: str
) -> None:
    plain = point(0, 0.0, truck_id=truck_id)
    moved = shifted(plain, 3 * DAY_S * 1_000)
    history.write(*of(fix_of(moved, 8), fix_of(plain, 3)))

    # Three days apart: only a search finds the other copy.
    assert history.pages.stored([moved]) == {fix_of(plain).point_id: Stamp(START_MS, 3, False)}


def test_no_point_is_found_on_a_day_without_an_index(history: History, truck_id: str) -> None:
    decades = point(-9_000 * DAY_S, 0.0, truck_id=truck_id)

    assert history.pages.stored([decades, shifted(decades, 1_000)]) == {}


def test_the_intervals_of_several_trucks_are_read_in_one_call(
    history: History, truck_id: str
) -> None:
    other, third = unique("T"), unique("T")
    for one in (truck_id, other, third):
        history.write(*of(*(fix_at(one, second) for second in range(0, 100, 10))))
    history.write(*of(fix_at(truck_id, MIDNIGHT_S - 5), fix_at(truck_id, MIDNIGHT_S + 5)))

    found = history.pages.around(
        [
            around(truck_id, 10, 20),
            around(truck_id, 15, 40),
            around(truck_id, MIDNIGHT_S - 5, MIDNIGHT_S + 5),
            around(other, 85, 999),
            around(unique("T"), 0, 99),
            around(third, 41, 49),
        ]
    )

    assert {one: seconds(fixes) for one, fixes in found.items()} == {
        truck_id: [10, 20, 30, 40, MIDNIGHT_S - 5, MIDNIGHT_S + 5],
        other: [90],
    }
    assert history.pages.around([]) == {}


def test_points_written_before_a_refresh_are_read_after_it(history: History, truck_id: str) -> None:
    history.write(*of(fix_at(truck_id, 0)))
    history.write(*of(fix_at(truck_id, 1), knowledge=6), refresh=False)
    history.pages.refresh()

    assert seconds(history.pages.around([around(truck_id, 0, 9)])[truck_id]) == [0, 1]


def test_eight_intervals_of_a_hundred_trucks_can_be_read_in_one_call(history: History) -> None:
    """Half as many as one pass of the settling requests: more clauses than a search may have."""
    trucks = [unique("T") for _ in range(100)]
    history.write(*of(*(fix_at(one, second) for one in trucks for second in (0, 70))))

    found = history.pages.around(
        [around(one, start, start + 9) for one in trucks for start in range(0, 80, 10)]
    )

    assert {one: seconds(fixes) for one, fixes in found.items()} == {one: [0, 70] for one in trucks}


@pytest.mark.parametrize("clauses", [256, 2], ids=["one search", "several"])
def test_a_truck_with_too_many_fixes_is_omitted_and_the_others_are_read(
    history: History, truck_id: str, monkeypatch: pytest.MonkeyPatch, clauses: int
) -> None:
    monkeypatch.setattr(history_pages, "MAX_HITS", 20)
    monkeypatch.setattr(history_pages, "MAX_CLAUSES", clauses)
    other, third = unique("T"), unique("T")
    history.write(*of(*(fix_at(truck_id, second) for second in range(40))))
    history.write(*of(*(fix_at(one, second) for one in (other, third) for second in range(12))))

    found = history.pages.around(
        [
            around(other, 0, 5),
            around(truck_id, 0, 2),
            around(truck_id, 3, 30),
            around(truck_id, 31, 39),
            around(other, 4, 11),
            around(third, 0, 11),
        ]
    )

    assert {one: seconds(fixes) for one, fixes in found.items() if one != truck_id} == {
        other: [*range(12)],
        third: [*range(12)],
    }
    assert seconds(found.get(truck_id, ())) in ([], [*range(40)])


def test_the_last_fixes_before_a_time_are_read(history: History, truck_id: str) -> None:
    history.write(*of(*(fix_at(truck_id, second) for second in (0, 1, 2, 3))))
    history.write(*of(*(fix_at(truck_id, MIDNIGHT_S + second) for second in (0, 1))))
    at_ms = START_MS + (MIDNIGHT_S + 1) * 1_000

    def before(limit: int) -> list[int]:
        return seconds(history.pages.before(truck_id, at_ms, limit))

    assert before(3) == [2, 3, MIDNIGHT_S]
    assert before(99) == [0, 1, 2, 3, MIDNIGHT_S]
    assert list(history.pages.before(truck_id, START_MS, 9)) == []
    assert list(history.pages.before(unique("T"), at_ms, 9)) == []


def test_the_first_fixes_from_a_time_on_are_read(history: History, truck_id: str) -> None:
    history.write(*of(*(fix_at(truck_id, second) for second in (0, 1, 2))))
    history.write(*of(fix_at(truck_id, MIDNIGHT_S)))

    found = history.pages.after(truck_id, START_MS + 1_000, 2)

    assert [one.fix.seq for one in found] == [1, 2]
    assert seconds(history.pages.after(truck_id, START_MS + 2_000, 9)) == [2, MIDNIGHT_S]
    assert list(history.pages.after(truck_id, START_MS + MIDNIGHT_S * 1_000 + 1, 9)) == []


def tied(truck_id: str, second: int, count: int, *, numbered: bool) -> list[Fix]:
    """Returns different points with the same time."""
    return [
        fix_of(
            point(second, float(n), truck_id=truck_id, seq=1_000 * second + n if numbered else None)
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("numbered", [True, False], ids=["with seq", "without"])
@pytest.mark.parametrize("most", [2, 3, 4, 50])
def test_no_point_is_lost_or_repeated_when_a_page_ends_between_points_of_one_time(
    history: History, truck_id: str, monkeypatch: pytest.MonkeyPatch, numbered: bool, most: int
) -> None:
    monkeypatch.setattr(history_pages, "MAX_HITS", most)
    fixes = [one for n in range(5) for one in tied(truck_id, n, 2, numbered=numbered)]
    history.write(*of(*fixes))
    expected = sorted(one.point_id for one in fixes)

    assert ids(history.pages.before(truck_id, START_MS + 60_000, 50)) == expected
    assert ids(history.pages.after(truck_id, START_MS, 50)) == expected
    newest = sorted(one.point_id for one in fixes[-4:])
    assert ids(history.pages.before(truck_id, START_MS + 60_000, 4)) == newest
    oldest = sorted(one.point_id for one in fixes[:4])
    assert ids(history.pages.after(truck_id, START_MS, 4)) == oldest
