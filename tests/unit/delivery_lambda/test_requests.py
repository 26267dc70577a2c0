from __future__ import annotations

import base64
from typing import Any

import pytest

from delivery_lambda.decisions import ANY_VERSION
from delivery_lambda.requests import (
    InvalidRequest,
    parse_declaration,
    parse_expected_version,
    parse_owner_filter,
    parse_plan,
    parse_request,
    parse_status,
)
from rtdts.tracking.blocks import Token
from rtdts.tracking.callers import Caller, caller_of
from rtdts.tracking.deliveries import DeclaredType, Place, Status
from rtdts.tracking.instants import parse_instant
from tests.support.aws_events import aws_event, with_body

PLACE = {"lat": 35.1, "lon": 129.1}
PLAN = {"truck_id": "T-1", "customer_id": "C-1", "origin": PLACE, "destination": PLACE}
DISPATCHER = Caller(role="dispatcher", identity="ann", token_expires_at_ms=0)
CUSTOMER = Caller(role="customer", identity="C-88", token_expires_at_ms=0)


def put(body: Any, **headers: str) -> Any:
    event = with_body(aws_event("http_api_put_delivery"), body)
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_request(event)


def declared(body: Any, **headers: str) -> Any:
    event = with_body(aws_event("http_api_declare_event"), body)
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_request(event)


def listed(**query: str) -> Any:
    event = aws_event("http_api_list_deliveries")
    event["queryStringParameters"] = query
    return parse_request(event)


def test_a_plan_is_read_with_its_defaults_and_offsets() -> None:
    request = parse_request(aws_event("http_api_put_delivery"))
    plan = parse_plan(request)

    assert request.route == ("PUT", "/deliveries/{delivery_id}")
    assert request.delivery_id == "D-1"
    assert (plan.truck_id, plan.customer_id) == ("T-0012", "C-88")
    assert plan.origin == Place(lat=35.1705505, lon=129.1329985, radius_m=150.0)
    assert plan.destination == Place(lat=35.1151, lon=129.0415, radius_m=100.0)
    assert plan.window is not None
    assert plan.window.start_ms == parse_instant("2026-11-24T09:00:00Z")
    assert plan.window.end_ms == parse_instant("2026-11-24T10:00:00Z")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ('{"deep":' + "[" * 50_000, ""),
        ({**PLAN, "truck_id": "no spaces"}, "truck_id"),
        ({**PLAN, "truck_id": "T-1\n"}, "truck_id"),
        ({**PLAN, "customer_id": 7}, "customer_id"),
        ({**PLAN, "origin": {"lat": 91, "lon": 0}}, "origin.lat"),
        ({**PLAN, "origin": {**PLACE, "lon": "east"}}, "origin.lon"),
        ({**PLAN, "destination": {**PLACE, "radius_m": 0}}, "destination.radius_m"),
        ({**PLAN, "destination": {**PLACE, "radius_m": 1e-300}}, "destination.radius_m"),
        ({**PLAN, "destination": {**PLACE, "radius_m": 1e9}}, "destination.radius_m"),
        ({**PLAN, "window": {"start": "2026-11-24T09:00:00", "end": "x"}}, "window.start"),
        ({**PLAN, "visibility": "en_route"}, "visibility"),
        ({**PLAN, "visibility": {"policy": "always"}}, "visibility.policy"),
        ({**PLAN, "visibility": {"policy": "within_distance"}}, "visibility"),
        (
            {**PLAN, "visibility": {"policy": "within_distance", "distance_m": 99}},
            "visibility.distance_m",
        ),
        ({**PLAN, "visibility": {"policy": "within_time", "minutes": 0}}, "visibility.minutes"),
        ({**PLAN, "stop_sequence": -1}, "stop_sequence"),
        ({**PLAN, "stop_sequence": 10**9}, "stop_sequence"),
        ({**PLAN, "window": {"start": "2026-11-24T09:00:00Z", "end": "x"}}, "window.end"),
        (
            {**PLAN, "window": {"start": "2026-11-24T09:00:00Z", "end": "2026-11-24T09:00:00Z"}},
            "window.end",
        ),
    ],
)
def test_a_malformed_plan_is_reported_by_its_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        parse_plan(put(body))
    assert invalid.value.field == field
    assert invalid.value.reason


@pytest.mark.parametrize("tiny", [5e-324, -2.2e-281, 1e-131, -0.0])
def test_numbers_too_close_to_zero_for_dynamodb_become_zero(tiny: float) -> None:
    plan = parse_plan(put({**PLAN, "origin": {"lat": tiny, "lon": -tiny}}))

    assert repr((plan.origin.lat, plan.origin.lon)) == "(0.0, 0.0)"


def test_a_missing_member_is_named() -> None:
    with pytest.raises(InvalidRequest, match="destination"):
        parse_plan(put({name: value for name, value in PLAN.items() if name != "destination"}))


def test_unknown_fields_are_ignored_so_that_what_was_read_can_be_sent_back() -> None:
    read = {**PLAN, "delivery_id": "D-1", "status": "assigned", "version": 1, "events": []}

    assert parse_plan(put(read)) == parse_plan(put(PLAN))


def test_a_base64_body_is_decoded() -> None:
    event = aws_event("http_api_put_delivery")
    plan = parse_plan(parse_request(event))
    event["body"] = base64.b64encode(event["body"].encode()).decode()
    event["isBase64Encoded"] = True

    assert parse_plan(parse_request(event)) == plan


def test_an_invalid_base64_body_is_rejected() -> None:
    event = aws_event("http_api_put_delivery") | {"body": "{", "isBase64Encoded": True}

    with pytest.raises(InvalidRequest):
        parse_request(event)


@pytest.mark.parametrize(
    ("text", "version"), [("3", 3), ('"3"', 3), (" 3 ", 3), ("*", ANY_VERSION), ("", None)]
)
def test_the_expected_version_can_be_written_in_several_ways(text: str, version: Any) -> None:
    assert parse_expected_version(put(PLAN, if_match=text)) == version


def test_without_if_match_no_version_is_expected() -> None:
    assert parse_expected_version(put(PLAN)) is None


@pytest.mark.parametrize("text", ["three", 'W/"3"', '"3', "-1", "3.0", '"1", "2"', "9" * 40])
def test_an_invalid_version_is_rejected(text: str) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        parse_expected_version(put(PLAN, if_match=text))
    assert invalid.value.field == "If-Match"


def test_a_declaration_is_read() -> None:
    output = parse_declaration(parse_request(aws_event("http_api_declare_event")))

    assert output.type is DeclaredType.PICKED_UP
    assert output.at_ms is None
    assert output.note == "two pallets"
    assert output.idempotency_key == "7f9c2ba4-e88f-4f2d-9d8a-3f4b8a1c5e0d"


@pytest.mark.parametrize(
    ("body", "key", "field"),
    [
        ({"type": "picked_up"}, "", "Idempotency-Key"),
        ({"type": "picked_up"}, "  ", "Idempotency-Key"),
        ({"type": "picked_up"}, "k" * 256, "Idempotency-Key"),
        ({"type": "assigned"}, "k", "type"),
        ({"type": "delivered", "at": "2026-11-24T09:00:00"}, "k", "at"),
        ({"type": "delivered", "at": 7}, "k", "at"),
        ({"type": "failed", "note": "n" * 2_001}, "k", "note"),
    ],
)
def test_an_invalid_declaration_is_reported_by_its_field(body: Any, key: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        parse_declaration(declared(body, idempotency_key=key))
    assert invalid.value.field == field


def test_the_request_hash_does_not_depend_on_how_the_json_is_written() -> None:
    one = parse_declaration(declared('{"type":"delivered","note":"é"}'))
    same = parse_declaration(declared('{ "note": "\\u00e9", "type": "delivered", "x": 1 }'))
    other = parse_declaration(declared('{"type":"delivered","note":"e"}'))

    assert one.request_hash == same.request_hash
    assert one.request_hash != other.request_hash


def test_only_a_known_status_is_accepted() -> None:
    assert parse_status(listed(status="nearby")) is Status.NEARBY
    assert parse_status(listed()) is None
    with pytest.raises(InvalidRequest, match="assigned"):
        parse_status(listed(status="lost"))


@pytest.mark.parametrize(
    ("caller", "query", "owner"),
    [
        (DISPATCHER, {"customer_id": "C-1"}, ("customer", "C-1")),
        (DISPATCHER, {"truck_id": "T-1"}, ("truck", "T-1")),
        (CUSTOMER, {}, ("customer", "C-88")),
        (CUSTOMER, {"customer_id": "C-88"}, ("customer", "C-88")),
        (CUSTOMER, {"customer_id": "C-1"}, None),
        (CUSTOMER, {"truck_id": "C-88"}, None),
        (CUSTOMER, {"customer_id": "C-88", "truck_id": "T-1"}, None),
    ],
)
def test_a_caller_may_list_only_the_deliveries_of_permitted_owners(
    caller: Caller, query: dict[str, str], owner: tuple[str, str] | None
) -> None:
    found = parse_owner_filter(listed(**query), caller)

    assert (found and (found.kind, found.identity)) == owner


@pytest.mark.parametrize(
    "query", [{}, {"customer_id": "C-1", "truck_id": "T-1"}, {"truck_id": "no spaces"}]
)
def test_a_dispatcher_must_name_exactly_one_owner(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        parse_owner_filter(listed(**query), DISPATCHER)


@pytest.mark.parametrize("exp", ["1795506600", "1.7955066E9", 1795506600])
def test_the_caller_is_read_from_the_gateways_claims(exp: Any) -> None:
    event = aws_event("http_api_get_delivery")
    event["requestContext"]["authorizer"]["jwt"]["claims"]["exp"] = exp

    assert caller_of(event, "sub") == Caller(
        role="customer",
        identity="C-88",
        token_expires_at_ms=1_795_506_600_000,
        token=Token("", 1_795_503_000_000),
    )


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"role": "admin", "sub": "x", "exp": "1"},
        {"role": "truck", "exp": "1"},
        {"role": "truck", "sub": "", "exp": "1"},
        {"role": "truck", "sub": "T-1"},
        {"role": "truck", "sub": "T-1", "exp": "soon"},
    ],
)
def test_a_token_without_a_valid_role_identity_or_expiry_has_no_caller(
    claims: dict[str, Any],
) -> None:
    event = aws_event("http_api_get_delivery")
    event["requestContext"]["authorizer"]["jwt"]["claims"] = claims

    assert caller_of(event, "sub") is None


def test_the_identity_may_come_from_another_claim() -> None:
    event = aws_event("http_api_get_delivery")
    event["requestContext"]["authorizer"]["jwt"]["claims"]["custom:id"] = "C-7"
    caller = caller_of(event, "custom:id")

    assert caller is not None
    assert caller.identity == "C-7"
