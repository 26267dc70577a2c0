from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.position_store.documents import (
    SHOWN_FIELDS,
    SHOWN_LATEST_FIELDS,
    StoredFix,
    decode_shown_latest,
    decode_stored_fix,
    encode_current,
    encode_latest,
    encode_position,
    eta_earliest_ms,
    external_version,
    index_of,
)
from rtdts.position_store.index_definitions import (
    LATEST_MAPPINGS,
    POSITIONS_MAPPINGS,
    RAW_MAPPINGS,
    index_templates,
    missing_properties,
)
from rtdts.tracking.current_delivery import CurrentDelivery
from rtdts.tracking.deliveries import Status
from rtdts.tracking.fixes import Fix, LatestPosition, fix_of
from rtdts.tracking.instants import MS_PER_DAY
from rtdts.tracking.positions import Clock, DeliveryProgress
from tests.fakes.shown_positions import shown_of
from tests.support.consumer_world import START_MS, point
from tests.support.latest_positions import decode_latest
from tests.support.readings import measurements

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
PROGRESS = (
    DeliveryProgress(
        delivery_id="D-1",
        distance_remaining_m=70.5,
        eta_earliest_ms=START_MS + 60_000,
        eta_latest_ms=START_MS + 90_000,
    ),
    DeliveryProgress(delivery_id="D-2", distance_remaining_m=None),
)


def full(second: int = 0, **changed: Any) -> Fix:
    sent = point(
        second,
        10.0,
        accuracy_m=6.5,
        heading_deg=271.0,
        altitude_m=12.0,
        satellites=9,
        hdop=0.9,
        ignition=True,
        battery_pct=80.0,
        odometer_m=123456.0,
        **changed,
    )
    return msgspec.structs.replace(
        fix_of(sent),
        distance_m=10.5,
        implied_speed_mps=1.5,
        track_speed_mps=1.4,
        track_heading_deg=90.1,
        moving=True,
        quality=("frozen",),
    )


def plain() -> Fix:
    return fix_of(point(0, 0.0, seq=None, speed_mps=None))


@st.composite
def any_fixes(draw: st.DrawFn) -> Fix:
    """Any values that a fix can have."""
    at_ms = START_MS + draw(st.integers(-(10**9), 10**9))
    sent = point(
        draw(st.integers(0, 10**6)),
        0.0,
        lat=draw(st.floats(-90, 90)),
        lon=draw(st.floats(-180, 180)),
        event_at_ms=at_ms,
        received_at_ms=at_ms + draw(st.integers(0, 10**9)),
        clock=draw(st.sampled_from(Clock)),
        source=draw(st.sampled_from(["http", "mqtt"])),
        seq=draw(st.none() | st.integers(0, 2**63 - 1)),
        **draw(measurements()),
    )
    return msgspec.structs.replace(
        fix_of(sent),
        distance_m=draw(st.none() | NUMBERS),
        implied_speed_mps=draw(st.none() | NUMBERS),
        track_speed_mps=draw(st.sampled_from([None, sent.speed_mps]) | st.floats(0, 60)),
        track_heading_deg=draw(st.sampled_from([None, sent.heading_deg]) | st.floats(0, 359)),
        moving=draw(st.booleans()),
        quality=tuple(draw(st.lists(st.sampled_from(["frozen", "null_island"]), max_size=2))),
        clock_lag_ms=draw(st.just(0) | st.integers(1, 7 * MS_PER_DAY)),
    )


def progress() -> st.SearchStrategy[tuple[DeliveryProgress, ...]]:
    return st.lists(
        st.builds(
            DeliveryProgress, delivery_id=st.text(), distance_remaining_m=st.none() | NUMBERS
        ),
        max_size=3,
    ).map(tuple)


def names(mapped: dict[str, object], document: dict[str, object], path: str = "") -> list[str]:
    """The document's fields that are missing from a mapping."""
    properties = mapped["properties"]
    assert isinstance(properties, dict)
    missing_properties = []
    for name, value in document.items():
        if name not in properties:
            missing_properties.append(path + name)
            continue
        values = value if isinstance(value, list) else [value]
        for one in values:
            if isinstance(one, dict) and "properties" in properties[name]:
                missing_properties += names(properties[name], one, f"{path}{name}.")
    return missing_properties


@given(any_fixes(), progress(), st.integers(0, 2**63 - 1), st.booleans())
def test_a_document_of_the_history_decodes_to_exactly_the_encoded_fix(
    fix: Fix, deliveries: tuple[DeliveryProgress, ...], n: int, beyond: bool
) -> None:
    stored = StoredFix(msgspec.structs.replace(fix, n=n), deliveries, beyond=beyond)
    written = encode_position(stored)

    read = decode_stored_fix(json.loads(written))

    assert repr(read) == repr(stored)  # which distinguishes -0.0 from 0.0, and 1 from 1.0
    assert encode_position(read) == written


def test_the_history_keeps_no_eta() -> None:
    read = decode_stored_fix(json.loads(encode_position(StoredFix(full(), PROGRESS))))

    assert read.deliveries == tuple(
        msgspec.structs.replace(one, eta_earliest_ms=None, eta_latest_ms=None) for one in PROGRESS
    )


@pytest.mark.parametrize("one", [full(), plain()])
def test_a_document_has_the_field_names_of_the_contract(one: Fix) -> None:
    written = json.loads(encode_position(StoredFix(one)))

    assert written["event_at"] == "2027-01-15T08:00:00.000Z"
    assert set(written["location"]) == {"lat", "lon"}
    assert written["quality"] == list(one.quality)
    assert written.keys().isdisjoint({"lat", "point_id", "n", "beyond"})


def test_a_documents_speed_and_heading_are_derived_only_if_the_device_sent_none() -> None:
    silent = msgspec.structs.replace(full(), speed_mps=None, heading_deg=None)

    sent, derived = (json.loads(encode_position(StoredFix(one))) for one in (full(), silent))

    names = ("speed_mps", "heading_deg", "track_speed_mps", "track_heading_deg", "derived")
    assert [sent.get(name) for name in names] == [60.0, 271.0, 1.4, 90.1, None]
    assert [derived.get(name) for name in names] == [
        1.4, 90.1, 1.4, 90.1, ["speed_mps", "heading_deg"],
    ]  # fmt: skip


def latest_of(newest: Fix, shown: Fix | None = None, revision: int = 0) -> LatestPosition:
    return LatestPosition(
        newest=newest,
        deliveries=PROGRESS,
        shown=shown,
        shown_deliveries=PROGRESS[:1] if shown else (),
        stale_since_ms=START_MS + 20_000,
        revision=revision,
    )


@pytest.mark.parametrize("is_newest", [True, False])
def test_the_eta_of_the_shown_point_is_found_in_the_document(*, is_newest: bool) -> None:
    newest = full(20)
    latest = msgspec.structs.replace(
        latest_of(newest, newest if is_newest else plain()), shown_deliveries=PROGRESS
    )
    document = json.loads(encode_latest(latest))

    assert ("shown" in document) != is_newest
    assert eta_earliest_ms(document, "D-1") == START_MS + 60_000
    assert eta_earliest_ms(document, "D-2") is None
    assert eta_earliest_ms(document, "D-3") is None


def test_a_current_delivery_is_decoded_as_encoded_and_can_be_replaced_in_its_document() -> None:
    arrived = CurrentDelivery(delivery_id="D-1", status=Status.ARRIVED)
    late = CurrentDelivery(delivery_id="D-2", status=Status.NEARBY, late_from_ms=START_MS)
    latest = msgspec.structs.replace(latest_of(full(20), plain()), current=late)
    document = json.loads(encode_latest(latest))

    assert decode_latest(document, external_version(latest)).current == late
    assert encode_current(document, late) is None
    for current in (arrived, None):
        changed = encode_current(document, current)
        assert changed is not None
        found = decode_latest(json.loads(changed), external_version(latest))
        assert found == msgspec.structs.replace(
            decode_latest(document, external_version(latest)), current=current
        )


@pytest.mark.parametrize("revision", [0, 7])
def test_a_latest_position_is_decoded_as_it_was_encoded(revision: int) -> None:
    latest = latest_of(full(20), plain(), revision)

    read = decode_latest(json.loads(encode_latest(latest)), external_version(latest))

    assert read == latest


def test_the_newest_point_is_stored_once_if_it_is_also_the_shown_one() -> None:
    newest = full(20)
    latest = LatestPosition(
        newest=newest, deliveries=PROGRESS, shown=newest, shown_deliveries=PROGRESS
    )

    document = json.loads(encode_latest(latest))

    assert "shown" not in document
    assert decode_latest(document, external_version(latest)) == latest
    assert decode_shown_latest(document) == shown_of(latest)
    read = {name: of for name, of in document.items() if name in SHOWN_LATEST_FIELDS}
    assert decode_shown_latest(read) == shown_of(latest)


def test_a_newest_point_shown_with_other_deliveries_is_decoded_as_it_was_encoded() -> None:
    newest = full(20)
    latest = LatestPosition(newest=newest, deliveries=(), shown=newest, shown_deliveries=PROGRESS)

    assert decode_latest(json.loads(encode_latest(latest)), external_version(latest)) == latest


@pytest.mark.parametrize("shown", [full(), plain(), None])
def test_the_fields_read_for_viewing_are_sufficient(shown: Fix | None) -> None:
    latest = latest_of(full(20), shown)
    document = json.loads(encode_latest(latest))
    filtered = {
        "stale_since": document["stale_since"],
        **(
            {"shown": {name: document["shown"].get(name) for name in SHOWN_FIELDS
                       if name in document["shown"]}}
            if shown
            else {}
        ),
    }  # fmt: skip

    assert set(SHOWN_LATEST_FIELDS) == {
        "is_shown",
        "stale_since",
        *SHOWN_FIELDS,
        *(f"shown.{one}" for one in SHOWN_FIELDS),
    }
    assert decode_shown_latest(filtered) == decode_shown_latest(document) == shown_of(latest)


def test_strict_mappings_contain_every_field_that_is_written() -> None:
    silent = msgspec.structs.replace(full(), speed_mps=None, n=1, clock_lag_ms=1)
    stored = StoredFix(silent, PROGRESS, beyond=True)

    assert names(POSITIONS_MAPPINGS, json.loads(encode_position(stored))) == []
    assert names(LATEST_MAPPINGS, json.loads(encode_latest(latest_of(silent, silent)))) == []


SEARCHED = {
    "truck_id", "event_at", "received_at", "seq", "location", "quality", "deliveries.delivery_id",
    "counts_at",
}  # fmt: skip


FILTERED = {"location", "at", "received_at", "delivery_id", "status", "late_from"}


def searchable(properties: dict[str, Any], path: str = "") -> set[str]:
    found: set[str] = set()
    for name, mapped in properties.items():
        if "properties" in mapped:
            found |= searchable(mapped["properties"], f"{path}{name}.")
        elif mapped.get("index", True) or mapped.get("doc_values", True):
            found.add(path + name)
    return found


def test_only_what_is_searched_or_aggregated_is_indexed() -> None:
    assert searchable(POSITIONS_MAPPINGS["properties"]) == SEARCHED
    latest = LATEST_MAPPINGS["properties"]
    flat = {name: of for name, of in latest.items() if name != "shown"}
    fleet = {f"fleet.{name}" for name in FILTERED}
    assert searchable(flat) == SEARCHED - {"counts_at", "location"} | fleet
    assert latest["shown"] == {"type": "object", "enabled": False}


def test_an_existing_index_gets_its_missing_fields_and_keeps_the_others() -> None:
    expected = POSITIONS_MAPPINGS["properties"]
    older = {
        name: {"type": of.get("type", "object")} for name, of in expected.items() if name != "n"
    }
    older["deliveries"] = {"properties": {"delivery_id": {"type": "keyword"}}}

    assert missing_properties(expected, expected) == {}
    assert missing_properties(older, expected) == {
        "n": expected["n"],
        "deliveries": {
            "type": "object",
            "properties": {
                "distance_remaining_m": expected["deliveries"]["properties"]["distance_remaining_m"]
            },
        },
    }
    # If deliveries were nested, an erasure would not find them, so the installation fails.
    nested = {"deliveries": {**expected["deliveries"], "type": "nested"}}
    assert missing_properties({**expected, **nested}, expected) == {
        "deliveries": expected["deliveries"]
    }
    assert missing_properties({**expected, "n": {"type": "keyword"}}, expected) == {
        "n": expected["n"]
    }


def test_the_external_version_grows_with_the_time_then_with_the_revision() -> None:
    first, again, later = (latest_of(full(0)), latest_of(full(0), revision=1), latest_of(full(1)))

    assert external_version(first) == START_MS * 1_000
    assert external_version(first) < external_version(again) < external_version(later)


def test_a_late_point_has_the_lower_version() -> None:
    late = msgspec.structs.replace(full(0), received_at_ms=START_MS + 3_600_000)

    assert external_version(latest_of(late, revision=9)) < external_version(latest_of(full(1)))


def test_too_many_revisions_do_not_reach_into_the_next_millisecond() -> None:
    latest = latest_of(full(0), revision=5_000)

    assert external_version(latest) < (START_MS + 1) * 1_000


def test_the_daily_index_is_that_of_the_event_in_utc() -> None:
    assert index_of(START_MS) == "truck-positions-2027.01.15"
    assert index_of(START_MS - 8 * 3_600_000 - 1) == "truck-positions-2027.01.14"


def test_ids_are_keywords_and_times_are_dates_everywhere() -> None:
    for mapped in (RAW_MAPPINGS, POSITIONS_MAPPINGS, LATEST_MAPPINGS):
        assert mapped["properties"]["truck_id"] == {"type": "keyword"}
        for name in ("event_at", "recorded_at", "received_at"):
            assert mapped["properties"][name]["type"] == "date"


@pytest.mark.parametrize(
    ("template", "dynamic"),
    [
        ("truck-raw", False),
        ("truck-positions", "strict"),
        ("truck-latest", "strict"),
        ("truck-state", False),
    ],
)
def test_no_index_guesses_the_types_of_unknown_fields(template: str, dynamic: object) -> None:
    assert index_templates()[template]["template"]["mappings"]["dynamic"] == dynamic


def test_every_index_has_a_replica_where_there_is_a_second_node() -> None:
    replicas = {
        name: template["template"]["settings"]["index"]["auto_expand_replicas"]
        for name, template in index_templates().items()
    }

    assert replicas == dict.fromkeys(
        ("truck-raw", "truck-positions", "truck-latest", "truck-state"), "0-1"
    )
