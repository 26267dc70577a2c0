"""The API documents agree with the code: codes, fields, ranges, routes and messages."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import operator
import re
from typing import Any

import jsonschema
import msgspec
import pytest

from rtdts.tracking import fleet_messages, viewer_messages
from rtdts.tracking.deliveries import (
    Assignment,
    Cause,
    DeclaredType,
    Delivery,
    DeliveryEvent,
    Place,
    Status,
)
from rtdts.tracking.fleet_view import FleetFilter, FleetStatus, FleetView
from rtdts.tracking.point_fields import FirstGenerationPoint, Reason, TelemetryPoint
from rtdts.tracking.positions import ShownPoint, TrackPoint
from rtdts.tracking.viewer_messages import ErrorReason
from rtdts.tracking.viewer_scope import ShownPosition
from rtdts.tracking.viewing import EndReason
from socket_lambda.limits import SocketLimits
from socket_lambda.messages import Track, Untrack
from socket_lambda.settings import Settings
from tests.support.asyncapi_schema import asyncapi_document, validate_message
from tests.support.yaml_documents import document

NOW_MS = 1_795_504_200_312
FROM_VIEWERS = {"track", "untrack", "track_fleet", "untrack_fleet", "ping"}

DELIVERY = Delivery(
    delivery_id="D-1",
    customer_id="C-88",
    origin=Place(lat=35.2, lon=129.2),
    destination=Place(lat=35.1151, lon=129.0415),
    status=Status.IN_TRANSIT,
    version=1,
    assignments=(Assignment(assignment=1, truck_id="T-0012", started_at_ms=NOW_MS - 60_000),),
    created_at_ms=NOW_MS - 60_000,
    updated_at_ms=NOW_MS,
)
EVENT = DeliveryEvent(
    delivery_id="D-1",
    version=1,
    status=Status.IN_TRANSIT,
    cause=Cause.DECLARED,
    effective_at_ms=NOW_MS - 1_000,
    recorded_at_ms=NOW_MS,
    assignment=1,
    truck_id="T-0012",
    actor="dispatcher:ann",
    note="not for customers",
    point_id="T-0012:1:2",
)
POSITION = ShownPosition(
    point=ShownPoint(
        truck_id="T-0012",
        recorded_at_ms=NOW_MS - 2_000,
        lat=35.1705505,
        lon=129.1329985,
        event_at_ms=NOW_MS - 2_000,
    ),
    stale_since_ms=NOW_MS - 1_000,
    eta_earliest_ms=NOW_MS + 60_000,
    eta_latest_ms=NOW_MS + 120_000,
)
TRACK = (TrackPoint(lat=35.1705505, lon=129.1329985, event_at_ms=NOW_MS - 2_000),)

TRUCK = fleet_messages.FleetTruck(
    truck_id="T-0012",
    lat=35.1705505,
    lon=129.1329985,
    at_ms=NOW_MS,
    received_at_ms=NOW_MS,
    status=Status.IN_TRANSIT,
    delivery_id="D-1",
)
AGES = fleet_messages.Ages(stale_after_ms=120_000, offline_after_ms=600_000)

ENCODED = {
    "position": viewer_messages.encode_position(DELIVERY, POSITION, sent_at_ms=NOW_MS),
    "snapshot": viewer_messages.encode_snapshot(
        DELIVERY, (EVENT,), POSITION, TRACK, sent_at_ms=NOW_MS
    ),
    "status": viewer_messages.encode_status(EVENT, sent_at_ms=NOW_MS),
    "ended": viewer_messages.encode_ended("D-1", EndReason.CANCELLED, sent_at_ms=NOW_MS),
    "error": viewer_messages.encode_error(
        ErrorReason.NOT_FOUND, sent_at_ms=NOW_MS, delivery_id="D-1"
    ),
    "pong": viewer_messages.encode_pong(sent_at_ms=NOW_MS),
    "fleet": fleet_messages.encode_fleet(
        fleet_messages.FleetSnapshot(
            as_of_ms=NOW_MS,
            total=1,
            trucks=fleet_messages.truck_rows([TRUCK], AGES, as_of_ms=NOW_MS) or b"",
        ),
        view=None,
        sent_at_ms=NOW_MS,
    ),
    "fleet_ended": fleet_messages.encode_fleet_ended(EndReason.TOKEN_EXPIRED, sent_at_ms=NOW_MS),
}


def schemas_of(name: str) -> dict[str, Any]:
    schemas: dict[str, Any] = document(name)["components"]["schemas"]
    return schemas


@pytest.mark.parametrize(
    ("name", "place", "codes"),
    [
        ("openapi.yaml", ("Status",), Status),
        ("openapi.yaml", ("Cause",), Cause),
        ("openapi.yaml", ("DeliveryEvent", "properties", "type"), DeclaredType),
        ("openapi.yaml", ("Declaration", "properties", "type"), DeclaredType),
        ("openapi.yaml", ("RejectedPoint", "properties", "reason"), Reason),
        ("asyncapi.yaml", ("Status",), Status),
        ("asyncapi.yaml", ("Cause",), Cause),
        ("asyncapi.yaml", ("FleetFilter", "properties", "status", "items"), FleetStatus),
        ("asyncapi.yaml", ("Ended", "properties", "reason"), EndReason),
        ("asyncapi.yaml", ("Error", "properties", "reason"), ErrorReason),
    ],
)
def test_a_documented_list_of_codes_is_the_enum_in_the_code(
    name: str, place: tuple[str, ...], codes: type[enum.StrEnum]
) -> None:
    documented = functools.reduce(operator.getitem, place, schemas_of(name))

    expected = [code.value for code in codes]
    assert documented["enum"] == expected, (
        f"docs/{name}: {'.'.join(place)} must list {', '.join(expected)}"
    )


@pytest.mark.parametrize("kind", [TelemetryPoint, FirstGenerationPoint])
def test_the_fields_of_telemetry_and_their_ranges_are_documented(
    kind: type[msgspec.Struct],
) -> None:
    documented = schemas_of("openapi.yaml")[kind.__name__]
    (_,), components = msgspec.json.schema_components([kind])
    actual = components[kind.__name__]

    assert set(documented["properties"]) == set(actual["properties"])
    assert set(documented["required"]) == set(actual["required"])
    for name, field in actual["properties"].items():
        described = resolved(documented["properties"][name])
        assert ranges(described) == ranges(next(iter(field.get("anyOf", [field])))), name


@pytest.mark.parametrize("kind", [Track, Untrack])
def test_the_fields_of_a_viewers_message_and_their_ranges_are_documented(
    kind: type[msgspec.Struct],
) -> None:
    documented = schemas_of("asyncapi.yaml")
    fields = documented[kind.__name__]["properties"]
    (_,), components = msgspec.json.schema_components([kind])
    actual = components[kind.__name__]["properties"]

    assert set(fields) == {"action", *actual}
    for name, field in actual.items():
        described = documented["Id"] if "$ref" in fields[name] else fields[name]
        assert ranges(described) == ranges(field), name


def test_the_fields_of_a_fleet_view_and_their_ranges_are_documented() -> None:
    documented = schemas_of("asyncapi.yaml")
    fields = documented["TrackFleet"]["properties"]
    (_,), components = msgspec.json.schema_components([FleetView])
    view, filter_ = components["FleetView"], components["FleetFilter"]

    assert set(fields) == {"action", *view["properties"]}
    assert set(documented["TrackFleet"]["required"]) == {"action", *view["required"]}
    assert ranges(fields["zoom"]) == ranges(view["properties"]["zoom"])
    assert [ranges(one) for one in fields["bbox"]["items"]] == [
        ranges(one) for one in view["properties"]["bbox"]["prefixItems"]
    ]
    assert set(documented["FleetFilter"]["properties"]) == set(filter_["properties"])
    assert documented["FleetFilter"]["additionalProperties"] is False
    assert set(FleetFilter.__struct_fields__) == set(filter_["properties"])


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return dict(schemas_of("openapi.yaml")[schema["$ref"].rsplit("/", 1)[1]])
    return schema


def ranges(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: schema[key] for key in ("minimum", "maximum", "pattern") if key in schema
    }
    if "pattern" in found:  # Python and JSON Schema anchor a pattern differently
        found["pattern"] = re.sub(r"\\[AZ]|^\^|\$$", "", found["pattern"])
    return found


def test_the_limits_of_a_socket_are_documented() -> None:
    defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Settings)}
    limits = SocketLimits.of(
        max_sockets=defaults["max_sockets"],
        connects_per_minute=defaults["connects_per_minute"],
        max_tracked=defaults["max_tracked"],
        frames_per_minute=defaults["frames_per_minute"],
    )
    text = " ".join(asyncapi_document()["info"]["description"].split())

    assert f"may have {limits.max_sockets} sockets open" in text
    assert limits.connects.per_minute == 6
    assert f"six sockets per minute, as a mean, and {limits.connects.burst} at once" in text
    assert (
        f"send {limits.frames.per_minute} messages per minute, "
        f"as a mean, and {limits.frames.burst} at once"
    ) in text
    assert f"track {defaults['max_tracked']} deliveries" in text


def test_every_message_that_can_be_encoded_is_documented_and_no_other() -> None:
    encoders = {
        name.removeprefix("encode_")
        for module in (viewer_messages, fleet_messages)
        for name, _ in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("encode_")
    }

    assert encoders == set(asyncapi_document()["components"]["messages"]) - FROM_VIEWERS
    assert encoders == set(ENCODED)


@pytest.mark.parametrize("name", sorted(ENCODED))
def test_an_encoded_message_is_valid_and_without_notes(name: str) -> None:
    decoded = validate_message(ENCODED[name])

    assert decoded["type"] == name
    assert "not for customers" not in ENCODED[name].decode()


def test_messages_without_a_position_or_delivery_are_valid() -> None:
    validate_message(viewer_messages.encode_position(DELIVERY, None, sent_at_ms=NOW_MS))
    validate_message(viewer_messages.encode_snapshot(DELIVERY, (), None, (), sent_at_ms=NOW_MS))
    validate_message(viewer_messages.encode_error(ErrorReason.BAD_REQUEST, sent_at_ms=NOW_MS))


def test_a_message_that_breaks_the_contract_fails_validation() -> None:
    message = msgspec.json.decode(ENCODED["position"]) | {"position_at": "2026-11-24T07:10:00Z"}

    with pytest.raises(jsonschema.ValidationError):
        validate_message(message)
