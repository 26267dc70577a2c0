"""The Lambdas' responses match the OpenAPI document, including rejections.

The handlers run on fakes. Each response is validated against the document, with no additional
fields allowed, so an undocumented status or field is an error.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from datetime import UTC
from typing import Any

import pytest

import delivery_lambda.bootstrap
import delivery_lambda.routes
import ingest_lambda.bootstrap
import ingest_lambda.routes
import socket_lambda.routes
import track_lambda.routes
from delivery_lambda.dispatch import Dispatch
from delivery_lambda.handler import handle
from ingest_lambda.service import Limits, TelemetryService
from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.errors import StoreBusy
from rtdts.ingest.intake import Intake
from rtdts.ingest.quota import TruckQuota
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger
from rtdts.runtime.origins import Origins
from rtdts.runtime.rate_limits import RateLimits
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.tracking.instants import format_instant
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_stream import FailSome, FakeStream
from tests.fakes.fake_tickets import FakeTicketStore
from tests.support.asyncapi_schema import asyncapi_document
from tests.support.blocks import revocation
from tests.support.delivery_shares import share_service_on
from tests.support.openapi_schema import documented_routes, openapi_document, validate_response
from tests.support.telemetry_points import telemetry_point

NOW_MS = 1_795_504_200_312
PLAN: dict[str, Any] = {
    "truck_id": "T-0012",
    "customer_id": "C-88",
    "origin": {"lat": 35.1705505, "lon": 129.1329985, "radius_m": 150},
    "destination": {"lat": 35.1151, "lon": 129.0415},
    "window": {"start": "2026-11-24T09:00:00Z", "end": "2026-11-24T10:00:00Z"},
}
ONE = "/deliveries/{delivery_id}"
EVENTS = "/deliveries/{delivery_id}/events"
SHARES = "/deliveries/{delivery_id}/shares"
ONE_SHARE = "/deliveries/{delivery_id}/shares/{share_id}"
OPEN_ROUTES = {*ingest_lambda.routes.OPEN_ROUTES, *delivery_lambda.routes.OPEN_ROUTES}


def test_the_documented_routes_are_those_of_the_lambdas() -> None:
    guarded = {
        *ingest_lambda.routes.ROUTES,
        *delivery_lambda.routes.ROUTES,
        *track_lambda.routes.ROUTES,
    }

    assert documented_routes() == guarded | OPEN_ROUTES


def test_the_open_routes_are_documented_without_a_token() -> None:
    document = openapi_document()
    without = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        and {"token": []} not in operation.get("security", document["security"])
    }

    assert without == OPEN_ROUTES


def test_the_socket_routes_are_the_documented_messages_of_viewers() -> None:
    received = {
        operation["messages"][0]["$ref"].rsplit("/", 1)[1]
        for operation in asyncapi_document()["operations"].values()
        if operation["action"] == "receive"
    }

    assert received == {name for name in socket_lambda.routes.ROUTES if not name.startswith("$")}


def event(
    route: tuple[str, str], role: str, identity: str, body: Any = None, **more: Any
) -> dict[str, Any]:
    claims = {"role": role, "sub": identity, "exp": str(NOW_MS // 1000 + 600)}
    return {
        "routeKey": " ".join(route),
        "headers": {"content-type": "application/json"} | more.pop("headers", {}),
        "requestContext": {"authorizer": {"jwt": {"claims": claims}}, "requestId": "r-1"},
        "pathParameters": {"delivery_id": "D-1"} if "{" in route[1] else None,
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "isBase64Encoded": False,
        **more,
    }


def block_list(blocks: FakeBlockStore) -> BlockList:
    return BlockList(blocks, log=Logger("test", io.StringIO()), now_ms=lambda: NOW_MS)


@dataclasses.dataclass
class DeliveryLambda:
    store: FakeDeliveryStore
    blocks: FakeBlockStore = dataclasses.field(default_factory=FakeBlockStore)
    requests: RateLimits = dataclasses.field(
        default_factory=lambda: RateLimits(per_minute=60, burst_minutes=1)
    )
    seen: set[tuple[str, int]] = dataclasses.field(default_factory=set)

    def __post_init__(self) -> None:
        self.sharing = share_service_on(self.store, most=2)

    def __call__(self, method: str, path: str, caller: str, body: Any = None, **more: Any) -> Any:
        role, _, identity = caller.partition(":")
        app = delivery_lambda.bootstrap.App(
            dispatch=Dispatch(
                deliveries=self.store,
                tickets=FakeTicketStore(),
                nudges=FakeNudgeQueue(),
                share_service=self.sharing,
                log=Logger("test", io.StringIO()),
                now_ms=lambda: NOW_MS,
            ),
            identity_claim="sub",
            blocks=block_list(self.blocks),
            edge=Edge(""),
            origins=Origins(""),
            rejection_log=RejectionLogLimiter(),
            requests=self.requests,
            log=Logger("test", io.StringIO()),
        )
        response = handle(event((method, path), role, identity, body, **more), app)
        self.seen.add((f"{method} {path}", response["statusCode"]))
        return validate_response(
            method, path, response["statusCode"], response["headers"], response["body"]
        )


def test_every_response_about_deliveries_is_documented() -> None:
    call = DeliveryLambda(FakeDeliveryStore(max_open_deliveries=1))
    ann, truck, customer = "dispatcher:ann", "truck:T-0012", "customer:C-88"
    key = {"headers": {"idempotency-key": "k-1"}}

    call("PUT", ONE, ann, PLAN)
    call("PUT", ONE, ann, PLAN | {"window": None})
    call("PUT", ONE, ann, PLAN, headers={"if-match": '"1"'})
    call("PUT", ONE, ann, PLAN | {"origin": {"lat": 91, "lon": 0}})
    call("PUT", ONE, truck, PLAN)
    call("PUT", ONE, ann, PLAN, pathParameters={"delivery_id": "D-2"})
    reported = call("GET", ONE, ann)
    call("GET", ONE, customer)
    call("GET", ONE, "customer:C-1")
    call("GET", "/deliveries", customer)
    call("GET", "/deliveries", ann)
    call("GET", "/deliveries", customer, queryStringParameters={"truck_id": "T-0012"})
    call("POST", EVENTS, truck, {"type": "picked_up"})
    call("POST", EVENTS, customer, {"type": "picked_up"}, **key)
    call("POST", EVENTS, truck, {"type": "picked_up", "note": "rear door"}, **key)
    call("POST", EVENTS, truck, {"type": "picked_up", "note": "rear door"}, **key)
    call("POST", EVENTS, truck, {"type": "picked_up"}, **key)
    call("POST", EVENTS, "truck:T-9", {"type": "failed"}, **key)
    reported = call("GET", ONE, ann)
    call("POST", EVENTS, ann, {"type": "cancelled"}, headers={"idempotency-key": "k-2"})
    call("PUT", ONE, ann, PLAN)
    call("POST", "/tickets", customer)
    call("POST", "/tickets", truck)
    call.store.troubles = [StoreBusy("append to D-3", ("ThrottlingError",))]
    other = PLAN | {"truck_id": "T-3"}
    call("PUT", ONE, ann, other, pathParameters={"delivery_id": "D-3"})
    for rejection in (
        lambda: call.requests.spend(customer, 120, NOW_MS),
        lambda: call.blocks.block(revocation(customer, NOW_MS)),
    ):
        rejection()
        call("GET", ONE, customer)
        call("GET", "/deliveries", customer)
        call("POST", "/tickets", customer)

    assert reported["events"][-1]["note"] == "rear door"
    assert call.seen >= {
        *((f"PUT {ONE}", status) for status in (200, 201, 400, 403, 409, 412, 503)),
        *((f"GET {ONE}", status) for status in (200, 401, 404, 429)),
        *(("GET /deliveries", status) for status in (200, 400, 401, 403, 429)),
        *((f"POST {EVENTS}", status) for status in (200, 201, 400, 403, 404, 409)),
        *(("POST /tickets", status) for status in (201, 401, 403, 429)),
    }


def test_every_response_about_shares_is_documented() -> None:
    call = DeliveryLambda(FakeDeliveryStore())
    ann, customer = "dispatcher:ann", "customer:C-88"
    tickets = "/shares/tickets"
    elsewhere = {"pathParameters": {"delivery_id": "D-9", "share_id": "0" * 16}}
    named = {"name": "Centum depot"}

    call("PUT", ONE, ann, PLAN | {"origin": PLAN["origin"] | named, "stop_sequence": 2})
    made = call("POST", SHARES, ann, {"expires_in_s": 3_600})
    call("POST", SHARES, ann)
    call("POST", SHARES, ann)
    call("POST", SHARES, ann, {"expires_in_s": 1})
    too_long = call("POST", SHARES, ann, {"expires_in_s": 99_999_999})
    call("POST", SHARES, ann, **elsewhere)
    call("POST", SHARES, customer)
    call("GET", SHARES, ann)
    call("GET", SHARES, ann, **elsewhere)
    call("GET", SHARES, customer)
    shown = call("POST", tickets, ann, {"token": made["token"]})
    call("POST", tickets, ann, {"token": "no"})
    call("POST", tickets, ann, "{")
    call("POST", tickets, ann, {"token": made["token"]}, headers={"origin": "https://evil.example"})
    for _ in range(40):
        call("POST", tickets, ann, {"token": made["token"]})
    one = {"pathParameters": {"delivery_id": "D-1", "share_id": made["share_id"]}}
    call("DELETE", ONE_SHARE, ann, **one)
    call("DELETE", ONE_SHARE, ann, **elsewhere)
    call("DELETE", ONE_SHARE, customer, **one)
    listed = call("GET", SHARES, ann)
    call("PUT", ONE, ann, PLAN | {"truck_id": "T-2"})
    failed = {"type": "failed", "failure_code": "nobody_home"}
    call("POST", EVENTS, ann, failed, headers={"idempotency-key": "k-9"})
    reported = call("GET", ONE, ann)

    assert too_long["limit"] == 30 * 86_400
    assert shown["delivery"]["origin"]["name"] == "Centum depot"
    assert listed["shares"][0]["revoked_at"] == format_instant(NOW_MS)
    assert reported["events"][-1]["failure_code"] == "nobody_home"
    assert call.seen >= {
        *((f"POST {SHARES}", status) for status in (201, 400, 403, 404, 409)),
        *((f"GET {SHARES}", status) for status in (200, 403, 404)),
        *((f"DELETE {ONE_SHARE}", status) for status in (204, 403, 404)),
        *((f"POST {tickets}", status) for status in (201, 400, 403, 404, 429)),
    }


def point(**changed: Any) -> dict[str, Any]:
    return telemetry_point(NOW_MS - 1_000, **changed)


AHEAD = format_instant(NOW_MS + 3_600_000)
TOO_OLD = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("status", "role", "body", "trouble"),
    [
        (202, "truck", point(), None),
        (202, "truck", {"positions": [point(), point(lat=91), point(recorded_at=AHEAD)]}, None),
        (400, "truck", point(recorded_at=TOO_OLD), None),
        (400, "truck", "{", None),
        (401, "revoked", point(), None),
        (429, "greedy", point(), None),
        (403, "truck", point(truck_id="T-9"), None),
        (403, "customer", point(), None),
        (413, "truck", {"positions": [point()] * 501}, None),
        (413, "truck", " " * 2_000_000, None),
        (503, "truck", {"positions": [point(), point(lat=91)]}, FailSome([0])),
    ],
)
def test_every_response_about_telemetry_is_documented(
    status: int, role: str, body: Any, trouble: FailSome | None
) -> None:
    limits = Limits(
        identity_claim="sub",
        max_body_bytes=1_048_576,
    )
    putter = StreamPutter(FakeStream(then=trouble), "points")
    intake = Intake(putter, first_generation_zone=UTC)
    blocks = FakeBlockStore(*[revocation("truck:T-0012", NOW_MS)] * (role == "revoked"))
    quota = TruckQuota(requests_per_minute=1, points_per_minute=1_000, minutes=1)
    quota.spend("T-0012", requests=role == "greedy", points=0, now_ms=NOW_MS)
    service = TelemetryService(
        intake,
        limits,
        quota=quota,
        blocks=block_list(blocks).current,
        now_ms=lambda: NOW_MS,
    )
    role = role if role == "customer" else "truck"
    request = event(("POST", "/telemetry"), role, "T-0012", body)

    response = service.handle(request, deadline=Deadline(0)).response

    assert response["statusCode"] == status
    validate_response("POST", "/telemetry", status, response["headers"], response["body"])
    assert status != 503 or int(response["headers"]["Retry-After"]) > 0


SECRET = "0123456789abcdefghjkmnpqrs"
OWNTRACKS, TRACCAR_CLIENT = (path for _, path in ingest_lambda.routes.OPEN_ROUTES)


def phone(path: str, message: Any, secret: str) -> dict[str, Any]:
    """Returns a phone's request; a message that is a text is used as the body."""
    credentials = base64.b64encode(f"T-0012:{secret}".encode()).decode()
    made = event(("POST", path), "", "", message, headers={"authorization": f"Basic {credentials}"})
    del made["requestContext"]["authorizer"]
    return made


def owntracks(**changed: Any) -> dict[str, Any]:
    made = {"_type": "location", "tst": NOW_MS // 1000, "lat": 48.85833, "lon": 2.29513}
    return made | changed


def traccar(secret: str = SECRET, **changed: Any) -> dict[str, Any]:
    coords = {"latitude": 37.4219983, "longitude": -122.084}
    location = {"timestamp": format_instant(NOW_MS), "coords": coords} | changed
    return {"device_id": secret, "location": location}


@pytest.mark.parametrize(
    ("status", "path", "secret", "message", "trouble"),
    [
        (200, OWNTRACKS, SECRET, owntracks(), None),
        (200, OWNTRACKS, SECRET, owntracks(lat=91), None),
        (200, OWNTRACKS, SECRET, "", None),
        (401, OWNTRACKS, "no secret", owntracks(), None),
        (401, OWNTRACKS, "revoked", owntracks(), None),
        (413, OWNTRACKS, SECRET, " " * 70_000, None),
        (429, OWNTRACKS, "greedy", owntracks(), None),
        (503, OWNTRACKS, SECRET, owntracks(), FailSome([0])),
        (503, OWNTRACKS, "away", owntracks(), None),
        (200, TRACCAR_CLIENT, SECRET, traccar(), None),
        (200, TRACCAR_CLIENT, SECRET, traccar(coords={}), None),
        (400, TRACCAR_CLIENT, SECRET, "{", None),
        (401, TRACCAR_CLIENT, SECRET, traccar("no secret"), None),
        (413, TRACCAR_CLIENT, SECRET, " " * 70_000, None),
        (429, TRACCAR_CLIENT, "greedy", traccar(), None),
        (503, TRACCAR_CLIENT, SECRET, traccar(), FailSome([0])),
        (503, TRACCAR_CLIENT, "away", traccar(), None),
    ],
)
def test_every_response_to_a_phone_is_documented(
    status: int, path: str, secret: str, message: Any, trouble: FailSome | None
) -> None:
    cases = ("revoked", "greedy", "away")
    blocks = FakeBlockStore(*[revocation("truck:T-0012", NOW_MS)] * (secret == "revoked"))
    devices = FakeDeviceStore()
    devices.put(SECRET, "T-0012")
    devices.is_unavailable = secret == "away"
    app = ingest_lambda.bootstrap.build_app(
        {
            "STREAM_NAME": "points",
            "BLOCKED_IDENTITIES_TABLE": "blocked",
            "DEVICE_CREDENTIALS_TABLE": "devices",
            "TRUCK_REQUESTS_PER_MINUTE": "1",
            "QUOTA_MINUTES": "1",
        },
        FakeStream(then=trouble),
        blocks=blocks,
        devices=devices,
        now_ms=lambda: NOW_MS,
    )
    request = phone(path, message, SECRET if secret in cases else secret)
    if secret == "greedy":
        app.phones.handle(request, deadline=Deadline(0))

    response = app.phones.handle(request, deadline=Deadline(0)).response

    assert response["statusCode"] == status
    validate_response("POST", path, status, response["headers"], response["body"])
    assert status not in (429, 503) or int(response["headers"]["Retry-After"]) > 0
