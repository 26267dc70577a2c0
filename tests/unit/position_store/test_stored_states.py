"""A memory as a document: what comes back, what is refused, and how small it is."""

from __future__ import annotations

import base64
import json
import zlib
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.workload import batches, delivery, plan, points
from rtdts.position_store.state import decode_state, encode_state
from rtdts.position_store.window_codec import pack_window, unpack_window
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.point_identity import place_hash
from rtdts.tracking.positions import Clock
from rtdts.tracking.quality import Quality
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from rtdts.tracking.truck_state import TruckState
from tests.support.consumer_world import START_MS, point
from tests.support.readings import measurements

TRUCK = "T-1"
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.none() | NUMBERS


@st.composite
def any_fixes(draw: st.DrawFn) -> Fix:
    """Whatever a fix can hold; of its identity, what its truck, time and number or place make."""
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
        fix_of(raw),
        distance_m=draw(MAYBE),
        implied_speed_mps=draw(MAYBE),
        track_heading_deg=draw(MAYBE),
        track_speed_mps=draw(MAYBE),
        moving=draw(st.booleans()),
        quality=tuple(draw(st.lists(st.sampled_from([one.value for one in Quality]), max_size=3))),
    )


@given(st.lists(any_fixes(), max_size=20))
def test_every_window_comes_back(window: list[Fix]) -> None:
    unpacked = unpack_window(TRUCK, pack_window(window))

    assert repr(unpacked) == repr(tuple(window))  # which tells -0.0 from 0.0, and 1 from 1.0


def test_a_fix_without_a_number_comes_back_under_its_places_hash() -> None:
    fix = fix_of(point(7, 20.0, seq=None))

    (unpacked,) = unpack_window(TRUCK, pack_window([fix]))

    assert unpacked.point_id == f"T-1:{START_MS + 7_000}:{place_hash(fix.lat, fix.lon)}"


def columns_of(packed: bytes) -> dict[str, list[Any]]:
    return msgspec.msgpack.decode(zlib.decompress(packed), type=dict[str, list[Any]])


def packed_from(columns: object) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(columns))


WINDOW = [fix_of(point(second, 10.0 * second)) for second in range(3)]
COLUMNS = columns_of(pack_window(WINDOW))


def test_a_window_from_before_a_field_was_added_has_its_default() -> None:
    """What comes of a new release's first look at what the old one wrote."""
    older = {name: column for name, column in COLUMNS.items() if name != "quality"}

    assert unpack_window(TRUCK, packed_from(older)) == tuple(WINDOW)


def test_a_window_from_after_a_field_was_added_can_be_read_without_it() -> None:
    """What comes of a release that was taken back."""
    newer = {**COLUMNS, "tyre_bar": ["?"] * len(WINDOW)}

    assert unpack_window(TRUCK, packed_from(newer)) == tuple(WINDOW)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no MessagePack"),
        pack_window(WINDOW)[:-5],
        packed_from([[1]]),
        packed_from({"event_at_ms": 1}),
        packed_from({"event_at_ms": COLUMNS["event_at_ms"]}),
        packed_from({**COLUMNS, "event_at_ms": []}),
        packed_from({**COLUMNS, "event_at_ms": ["noon"] * 3}),
        packed_from({**COLUMNS, "lat": ["north"] * 3}),
        pack_window(WINDOW) + b"more",
        zlib.compress(bytes(100_000_000)),
        zlib.compress(b"\x91" * 100_000),
    ],
)
def test_what_is_no_window_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed window"):
        unpack_window(TRUCK, packed)


def state() -> TruckState:
    """A memory with a full window of a real drive, and a delivery on board."""
    count = TrackingRules().window_points
    drive = points(3, count + 1, end_ms=START_MS)
    known = plan(delivery(drive))
    plans = {known.match.delivery_id: known}
    arrived = [drive[:count]]
    truck_id = drive[0].truck_id
    return fold_truck(truck_id, None, arrived, [known.match], plans, TrackingRules()).state


def test_a_memory_comes_back_and_all_but_its_window_can_be_read_in_the_document() -> None:
    memory = state()

    document = json.loads(encode_state(memory))

    assert decode_state(document) == memory
    plain = json.loads(msgspec.json.encode(memory))
    assert {**document, "window": plain["window"]} == plain


@given(st.randoms(use_true_random=False), st.integers(2, 40))
def test_a_truck_goes_on_from_a_stored_memory_as_from_its_own(
    random: Random, window_points: int
) -> None:
    """Late points too: they have those after them derived anew."""
    drive = points(3, 90, end_ms=START_MS)
    late = drive[10:60:7]
    rest = [one for one in drive[:-1] if one not in late]
    for one in late:
        rest.insert(random.randint(10, len(rest)), one)
    known = plan(delivery(drive))
    rules = TrackingRules(window_points=window_points)
    own = stored = None
    plans = {known.match.delivery_id: known}

    for batch in batches(rest, 6):
        own, stored = (
            fold_truck(drive[0].truck_id, memory, [batch], [known.match], plans, rules).state
            for memory in (own, stored)
        )
        stored = decode_state(json.loads(encode_state(stored)))
        plans = {}

        assert repr(stored) == repr(own)


def test_a_memory_takes_less_than_a_third_of_what_json_alone_would() -> None:
    memory = state()

    assert len(encode_state(memory)) < len(msgspec.json.encode(memory)) / 3


@pytest.mark.parametrize(
    "change",
    [
        {"window": "spoilt"},
        {"window": base64.b64encode(b"spoilt").decode()},
        {"window": []},
        {"window": None},
        {"truck_id": None},
        {"taken": "many"},
    ],
)
def test_what_is_no_memory_is_refused(change: dict[str, object]) -> None:
    document = json.loads(encode_state(state()))

    with pytest.raises(ValueError, match="not a"):
        decode_state({**document, **change})


def test_a_document_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="not a truck's memory"):
        decode_state(["a list"])
