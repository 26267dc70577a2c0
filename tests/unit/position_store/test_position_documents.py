from __future__ import annotations

import json

import msgspec
import pytest

from rtdts.position_store.documents import (
    decode_latest,
    decode_position,
    encode_latest,
    encode_position,
    external_version,
    index_of,
)
from rtdts.position_store.index_definitions import (
    LATEST_MAPPINGS,
    POSITIONS_MAPPINGS,
    RAW_MAPPINGS,
    index_templates,
)
from rtdts.tracking.positions import DeliveryProgress, EnrichedPoint, LatestPosition
from tests.support.consumer_world import START_MS, point


def enriched(second: int = 0, **changed: object) -> EnrichedPoint:
    return EnrichedPoint(
        point=point(
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
        ),
        distance_m=10.5,
        implied_speed_mps=1.5,
        moving=True,
        quality=("frozen",),
        deliveries=(
            DeliveryProgress(delivery_id="D-1", distance_remaining_m=70.5, eta_latest_ms=START_MS),
            DeliveryProgress(delivery_id="D-2", distance_remaining_m=None),
        ),
    )


def plain() -> EnrichedPoint:
    return EnrichedPoint(
        point=point(0, 0.0, seq=None, speed_mps=None),
        distance_m=None,
        implied_speed_mps=None,
        moving=False,
    )


def names(mapped: dict[str, object], document: dict[str, object], path: str = "") -> list[str]:
    """The document's fields that a mapping lacks."""
    properties = mapped["properties"]
    assert isinstance(properties, dict)
    lacking = []
    for name, value in document.items():
        if name not in properties:
            lacking.append(path + name)
            continue
        values = value if isinstance(value, list) else [value]
        for one in values:
            if isinstance(one, dict) and "properties" in properties[name]:
                lacking += names(properties[name], one, f"{path}{name}.")
    return lacking


def test_the_history_keeps_a_point_but_its_eta() -> None:
    written = json.loads(encode_position(enriched()))

    read = decode_position(written)

    without_eta = tuple(
        msgspec.structs.replace(progress, eta_latest_ms=None) for progress in enriched().deliveries
    )
    assert read == msgspec.structs.replace(enriched(), deliveries=without_eta)


@pytest.mark.parametrize("one", [enriched(), plain()])
def test_a_document_has_the_contracts_names(one: EnrichedPoint) -> None:
    written = json.loads(encode_position(one))

    assert written["event_at"] == "2027-01-15T08:00:00.000Z"
    assert set(written["location"]) == {"lat", "lon"}
    assert written["quality"] == list(one.quality)
    assert "lat" not in written


@pytest.mark.parametrize("latest_revision", [0, 7])
def test_the_latest_position_survives_its_document(latest_revision: int) -> None:
    latest = LatestPosition(
        newest=enriched(20),
        shown=plain(),
        stale_since_ms=START_MS + 20_000,
        revision=latest_revision,
    )

    read = decode_latest(json.loads(encode_latest(latest)), external_version(latest))

    assert read == latest


def test_strict_mappings_know_every_field_that_is_written() -> None:
    latest = LatestPosition(newest=enriched(), shown=enriched(), stale_since_ms=START_MS)

    assert names(POSITIONS_MAPPINGS, json.loads(encode_position(enriched()))) == []
    assert names(LATEST_MAPPINGS, json.loads(encode_latest(latest))) == []


def test_the_external_version_grows_with_the_time_then_with_the_revision() -> None:
    first = LatestPosition(newest=enriched(0), shown=None)
    again = LatestPosition(newest=enriched(0), shown=None, revision=1)
    later = LatestPosition(newest=enriched(1), shown=None)

    assert external_version(first) == START_MS * 1_000
    assert external_version(first) < external_version(again) < external_version(later)


def test_a_point_that_comes_late_has_the_lower_version() -> None:
    newer, late = enriched(1), enriched(0)
    late = msgspec.structs.replace(
        late, point=msgspec.structs.replace(late.point, received_at_ms=START_MS + 3_600_000)
    )

    assert external_version(LatestPosition(newest=late, shown=None, revision=9)) < (
        external_version(LatestPosition(newest=newer, shown=None))
    )


def test_too_many_revisions_do_not_reach_into_the_next_millisecond() -> None:
    latest = LatestPosition(newest=enriched(0), shown=None, revision=5_000)

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
def test_no_index_guesses_a_type(template: str, dynamic: object) -> None:
    assert index_templates()[template]["template"]["mappings"]["dynamic"] == dynamic
