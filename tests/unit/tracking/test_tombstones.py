"""What remains of a truck's state when the truck is erased."""

from __future__ import annotations

import msgspec

from rtdts.tracking.state_codec import pack_state, unpack_state
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from rtdts.tracking.truck_state import ERASURE, TruckState, initial_state, tombstone
from rtdts.tracking.window import Window
from tests.support.consumer_world import START_MS, drive, point

ERASED_MS = START_MS + 1_000_000


def folded(state: TruckState | None, second: int) -> TruckState:
    one = point(second, 5_000.0)
    return fold_truck("T-1", state, [[one]], [], {}, TrackingRules()).state


def driven() -> TruckState:
    # Out of order, too: something is unsettled.
    records = [[one] for one in (*drive()[:8], *drive()[9:], drive()[8])]
    state = fold_truck("T-1", None, records, [], {}, TrackingRules(), first_ordinal=999).state
    return msgspec.structs.replace(
        state, writer_id="w", applied={"shard": ("49" * 28, 3)}, settlings=5
    )


def test_a_tombstone_keeps_only_the_counters() -> None:
    before = driven()
    assert before.is_unsettled
    assert before.pace is not None

    left = tombstone("T-1", before, ERASED_MS)

    assert left == TruckState(
        truck_id="T-1",
        writer_id=ERASURE,
        window=Window("T-1"),
        applied=before.applied,
        last_ordinal=before.last_ordinal,
        settlings=6,
        shown_from=before.last_ordinal + 6,
        erased_before_ms=ERASED_MS,
    )
    assert left.is_tombstone
    assert left.knowledge > before.knowledge


def test_a_tombstone_is_stored_and_restored_unchanged_and_is_small() -> None:
    left = tombstone("T-1", driven(), ERASED_MS)

    packed = pack_state(left)

    assert unpack_state("T-1", packed) == left
    assert len(packed) < 150


def test_a_tombstone_without_a_state_has_counters_above_all_possible_earlier_ones() -> None:
    in_flight = folded(initial_state("T-1", 256 * (ERASED_MS - 1)), 0)

    left = tombstone("T-1", None, ERASED_MS)

    assert left.is_tombstone
    assert left.last_ordinal > in_flight.last_ordinal
    assert left.knowledge > in_flight.knowledge


def test_the_time_of_the_erasure_outlives_the_tombstone_and_never_decreases() -> None:
    state = tombstone("T-1", driven(), ERASED_MS)

    for second in range(1_001, 1_015):
        state = folded(msgspec.structs.replace(state, writer_id="w"), second)

    assert not state.is_tombstone
    assert state.erased_before_ms == ERASED_MS
    assert tombstone("T-1", state, ERASED_MS - 1).erased_before_ms == ERASED_MS


def test_the_first_point_after_an_erasure_has_a_revision_above_any_concurrent_write() -> None:
    before = driven()
    meanwhile = fold_truck("T-1", before, [[point(1_001, 5_000.0)]], [], {}, TrackingRules())
    assert meanwhile.latest is not None

    update = fold_truck(
        "T-1",
        tombstone("T-1", before, ERASED_MS),
        [[point(1_001, 5_000.0)]],
        [],
        {},
        TrackingRules(),
    )

    assert update.latest is not None
    # Deleted twice in between, by the worker and by the erasure: each counts as a version.
    assert update.latest.revision > meanwhile.latest.revision + 2
