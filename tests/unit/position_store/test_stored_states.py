"""A truck's state as bytes and as a document: what is unpacked, what is rejected, its size."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.workload import batches, delivery, plan, points
from rtdts.position_store.state import DocumentVersion, StateWrite, StoredState
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.point_identity import place_hash
from rtdts.tracking.positions import Clock
from rtdts.tracking.quality import Quality
from rtdts.tracking.state_codec import pack_state, unpack_state
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from rtdts.tracking.truck_state import Interval, TruckState
from rtdts.tracking.window import Window, pack_fix, unpack_fix
from tests.support.consumer_world import START_MS, World, drive, point
from tests.support.readings import measurements

TRUCK = "T-1"
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.none() | NUMBERS
VERSION = DocumentVersion(seq_no=7, primary_term=1)

# By code, as the first release stored them.
STORED_STATUSES = [
    *("assigned", "en_route_to_pickup", "at_pickup", "in_transit", "nearby", "arrived"),
    *("delivered", "failed", "cancelled"),
]
STORED_CAUSES = [
    *("assigned", "transferred", "declared", "moved_off", "dwelt_at_origin", "left_origin"),
    *("near_destination", "dwelt_at_destination", "implied", "corrected"),
]


@st.composite
def any_fixes(draw: st.DrawFn) -> Fix:
    """Any values that a fix can have. Its id is derived from truck, time, and number or place."""
    raw = point(
        draw(st.integers(-(10**6), 10**6)),
        0.0,
        lat=draw(st.floats(-90, 90)),
        lon=draw(st.floats(-180, 180)),
        event_at_ms=draw(st.integers(0, 2**45)),
        received_at_ms=draw(st.integers(0, 2**45)),
        seq=draw(st.none() | st.integers(0, 2**63 - 1)),
        **draw(measurements()),
        clock=draw(st.sampled_from(Clock)),
        source=draw(st.sampled_from(["http", "mqtt"])),
    )
    return msgspec.structs.replace(
        fix_of(raw, draw(st.integers(0, 2**60))),
        distance_m=draw(MAYBE),
        implied_speed_mps=draw(MAYBE),
        track_heading_deg=draw(MAYBE),
        track_speed_mps=draw(MAYBE),
        moving=draw(st.booleans()),
        quality=tuple(draw(st.lists(st.sampled_from([one.value for one in Quality]), max_size=3))),
    )


@given(any_fixes())
def test_every_fix_is_unpacked_as_it_was_packed(fix: Fix) -> None:
    assert unpack_fix(TRUCK, pack_fix(fix), fix.n) == fix


def test_a_fix_without_a_sequence_number_is_identified_by_the_hash_of_its_place() -> None:
    fix = fix_of(point(7, 20.0, seq=None))

    unpacked = unpack_fix(TRUCK, pack_fix(fix), fix.n)

    assert unpacked.point_id == f"T-1:{START_MS + 7_000}:{place_hash(fix.lat, fix.lon)}"


def test_a_fix_of_a_release_with_one_more_measurement_can_be_read_without_it() -> None:
    fix = fix_of(point(7, 20.0))
    newer = [*msgspec.msgpack.decode(pack_fix(fix)), 215]

    assert unpack_fix(TRUCK, msgspec.msgpack.encode(newer), fix.n) == fix


def test_a_fix_of_a_release_with_one_measurement_less_can_be_read() -> None:
    fix = fix_of(point(7, 20.0))
    older = msgspec.msgpack.decode(pack_fix(fix))[:-1]

    assert unpack_fix(TRUCK, msgspec.msgpack.encode(older), fix.n) == fix


def test_a_stored_fix_keeps_its_values_in_later_releases() -> None:
    """These arrays are in the store: what is added to a fix or to `Reading` goes to the end."""
    stored = [
        *(START_MS, 1_000, 2_000, 480000000, 110000000, True, "mqtt", 7, True, ["jump"], 9),
        *(500, 600, 700, 800),
        *(1_500, 1_250, 9_000, 3_800, [11], 80, True, 6_400, 123_400),
    ]

    fix = unpack_fix(TRUCK, msgspec.msgpack.encode(stored), 3)

    assert fix == Fix(
        accuracy_m=15.0,
        speed_mps=12.5,
        heading_deg=90.0,
        altitude_m=38.0,
        satellites=11,
        hdop=0.8,
        ignition=True,
        battery_pct=64.0,
        odometer_m=1234.0,
        truck_id=TRUCK,
        recorded_at_ms=START_MS + 1_000,
        lat=48.0,
        lon=11.0,
        event_at_ms=START_MS,
        received_at_ms=START_MS + 2_000,
        clock=Clock.SHIFTED,
        source="mqtt",
        seq=7,
        point_id=f"T-1:{START_MS + 1_000}:7",
        n=3,
        distance_m=5.0,
        implied_speed_mps=6.0,
        track_speed_mps=7.0,
        track_heading_deg=8.0,
        moving=True,
        quality=("jump",),
        clock_lag_ms=9,
    )


@pytest.mark.parametrize("packed", [b"", b"corrupt", msgspec.msgpack.encode([1]), b"\x91" * 10_000])
def test_a_malformed_fix_is_rejected(packed: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed fix"):
        unpack_fix(TRUCK, packed, 0)


@given(st.lists(any_fixes(), max_size=4), st.data())
def test_a_window_is_a_sequence_of_its_fixes(fixes: list[Fix], data: st.DataObject) -> None:
    packed = Window(TRUCK, fixes).packed

    window = Window.unpacked(TRUCK, packed, [fix.n for fix in fixes])
    start = data.draw(st.integers(-5, 5))

    assert list(window[start:]) == fixes[start:]
    assert list(window) == fixes
    assert window == Window(TRUCK, fixes)
    assert window.packed == packed


@functools.cache
def states(deliveries: int = 1) -> list[TruckState]:
    """The states after each point of a drive with deliveries; some have unsettled late points."""
    world = World()
    for number in range(deliveries):
        world.assign(f"D-{number + 1}")
    pipeline = world.pipeline()
    found = []
    whole = drive()
    for one in [*whole[:8], *whole[9:20], whole[8], *whole[20:]]:
        pipeline.process(world.shard.records([one]))
        stored = world.positions.load([TRUCK])[TRUCK].state
        assert stored is not None
        found.append(stored)
        if len(found) > 25:
            world.settle(pipeline)
    return found


def without_evidence(state: TruckState) -> TruckState:
    def bare(transitions: tuple[Transition, ...]) -> tuple[Transition, ...]:
        return tuple(msgspec.structs.replace(one, evidence=None) for one in transitions)

    return msgspec.structs.replace(
        state,
        deliveries=tuple(
            msgspec.structs.replace(
                one,
                in_log=bare(one.in_log),
                tip=msgspec.structs.replace(one.tip, transitions=bare(one.tip.transitions)),
            )
            for one in state.deliveries
        ),
    )


@pytest.mark.parametrize("number", range(len(drive())))
def test_every_state_is_unpacked_as_it_was_packed_except_for_evidence(number: int) -> None:
    state = states()[number]
    again = unpack_state(TRUCK, pack_state(state))

    assert without_evidence(again) == without_evidence(state)


def test_a_state_with_any_status_or_cause_is_unpacked_as_it_was_packed() -> None:
    known = states()[-1]
    (delivery_state,) = known.deliveries
    anchors = [
        msgspec.structs.replace(delivery_state.anchor, status=status, cause=cause)
        for status in Status
        for cause in Cause
    ]

    for anchor in anchors:
        changed = msgspec.structs.replace(delivery_state, anchor=anchor)
        state = msgspec.structs.replace(known, deliveries=(changed,))
        try:
            packed = pack_state(state)
        except KeyError as missing:
            pytest.fail(
                f"rtdts/tracking/state_codec.py has no code for {missing}: "
                "add it at the end of _STATUSES (of _CAUSES, if it is a cause)"
            )
        assert unpack_state(TRUCK, packed).deliveries[0].anchor == anchor


def test_stored_statuses_and_causes_keep_their_meaning_in_later_releases() -> None:
    """Their codes are in the store: a new one goes to the end of its list."""
    packed = msgspec.msgpack.decode(pack_state(states()[-1]))
    (row,) = packed[-4]
    statuses, causes = [], []

    for code in range(max(len(STORED_STATUSES), len(STORED_CAUSES))):
        row[7:9] = min(code, len(STORED_STATUSES) - 1), code
        (read,) = unpack_state(TRUCK, msgspec.msgpack.encode(packed)).deliveries
        statuses.append(read.anchor.status)
        causes.append(read.anchor.cause)

    assert [str(one) for one in statuses[: len(STORED_STATUSES)]] == STORED_STATUSES
    assert [str(one) for one in causes] == STORED_CAUSES


def test_every_field_of_a_state_is_stored() -> None:
    """A field that is not stored would have its default after each batch."""
    last = msgspec.structs.replace(
        states()[-1],
        last_good=fix_of(point(3, 1.0), 3),
        stale_since_ms=5,
        doubted_until_ms=6,
        unsettled=(Interval(7, 8),),
        last_late_n=9,
        last_late_ms=10,
        has_moved_times=True,
        settlings=11,
        shown_from=12,
    )

    again = unpack_state(TRUCK, pack_state(last))

    for name in TruckState.__struct_fields__:
        if name != "deliveries":
            assert getattr(again, name) == getattr(last, name), name


@pytest.mark.parametrize("deliveries", [0, 1, 5, 20])
def test_a_state_is_small_and_grows_with_its_open_deliveries(deliveries: int) -> None:
    packed = [pack_state(state) for state in states(deliveries)]

    assert len(unpack_state(TRUCK, packed[-1]).deliveries) == deliveries
    assert max(map(len, packed)) <= 600 + 300 * deliveries


def test_transitions_in_the_log_are_stored_without_their_evidence() -> None:
    last = states()[-1]

    assert b"since" not in pack_state(last)
    assert all(
        one.evidence is None
        for one in unpack_state(TRUCK, pack_state(last)).deliveries[0].tip.transitions
    )


@given(st.randoms(use_true_random=False))
def test_folding_gives_the_same_state_whether_it_is_stored_between_batches_or_not(
    random: Random,
) -> None:
    """With late points, too, after which later points are derived again."""
    whole = points(3, 90, end_ms=START_MS)
    late = whole[10:60:7]
    rest = [one for one in whole[:-1] if one not in late]
    for one in late:
        rest.insert(random.randint(10, len(rest)), one)
    known = plan(delivery(whole))
    rules = TrackingRules()
    own: TruckState | None = None
    stored: TruckState | None = None
    plans = {known.match.delivery_id: known}

    for batch in batches(rest, 6):
        own, stored = (
            fold_truck(whole[0].truck_id, state, [batch], [known.match], plans, rules).state
            for state in (own, stored)
        )
        stored = unpack_state(stored.truck_id, pack_state(stored))
        plans = {}

        assert without_evidence(stored) == without_evidence(own)


@pytest.mark.parametrize(
    ("changed", "is_unsettled"),
    [
        ({}, False),
        ({"unsettled": (Interval(1, 2),)}, True),
        ({"has_moved_times": True}, True),
    ],
)
def test_the_document_shows_whether_a_settling_is_due(
    changed: dict[str, object], is_unsettled: bool
) -> None:
    state = TruckState(truck_id=TRUCK, window=Window(TRUCK))

    write = StateWrite.of(msgspec.structs.replace(state, **changed), VERSION)

    assert write.is_unsettled is is_unsettled


@pytest.mark.parametrize(
    "corrupted",
    [
        lambda _: b"",
        lambda _: b"corrupt",
        lambda packed: packed[:-9],
        lambda packed: packed + b"more",
        lambda _: msgspec.msgpack.encode([1]),
        lambda _: b"\x91" * 100_000,
        lambda _: json.dumps({"taken": 1}).encode(),
    ],
)
def test_a_malformed_state_is_rejected_and_can_only_be_replaced(
    corrupted: Callable[[bytes], bytes],
) -> None:
    packed = corrupted(pack_state(states()[-1]))

    with pytest.raises(ValueError, match="not a"):
        unpack_state(TRUCK, packed)
    assert StoredState(truck_id=TRUCK, packed=packed, version=VERSION).state is None
