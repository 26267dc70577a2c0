"""Following the fleet: which roles may, which views are valid, and which of two views is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtdts.delivery_store.subscriptions import Subscription
from rtdts.tracking.fleet_view import FleetFilter, FleetStatus, FleetView
from rtdts.tracking.topics import FLEET, socket_endpoint
from socket_lambda.handler import handle
from tests.support.aws_events import aws_event, with_body
from tests.support.blocks import revocation
from tests.support.deliveries import NOW_MS
from tests.support.socket_routes import CONNECTION, EXPIRES_AT_MS, TAKEN_AT_MS, Socket

WORLD = [-180, -90, 180, 90]


@pytest.fixture
def socket() -> Socket:
    return Socket()


def track_fleet(
    socket: Socket, body: Any = None, *, role: str = "dispatcher", at_ms: int = TAKEN_AT_MS
) -> None:
    event = aws_event("socket_track_fleet")
    event["requestContext"]["requestTimeEpoch"] = at_ms
    event["requestContext"]["authorizer"]["role"] = role
    sent = event if body is None else with_body(event, body)
    assert handle(sent, socket.app) == {"statusCode": 200}


def view_of(socket: Socket) -> FleetView | None:
    (followed,) = socket.subscriptions.of_topic(FLEET)
    return followed.view


def test_a_dispatcher_follows_the_fleet_in_a_view(socket: Socket) -> None:
    track_fleet(socket)

    assert socket.subscriptions.of_topic(FLEET) == [
        Subscription(
            topic=FLEET,
            endpoint=socket_endpoint(CONNECTION),
            role="dispatcher",
            identity="ann",
            token_expires_at_ms=EXPIRES_AT_MS,
            subscribed_at_ms=TAKEN_AT_MS,
            view=FleetView(
                bbox=(128.9, 35.0, 129.3, 35.3),
                zoom=11.4,
                filter=FleetFilter(
                    status=(FleetStatus.IN_TRANSIT, FleetStatus.NEARBY), late=True, search="T-00"
                ),
                view="v7",
            ),
        )
    ]
    assert socket.replies == []
    assert socket.nudges.sent == []


@pytest.mark.parametrize("role", ["customer", "truck", ""])
def test_only_a_dispatcher_follows_the_fleet(socket: Socket, role: str) -> None:
    track_fleet(socket, role=role)

    assert socket.subscriptions.of_topic(FLEET) == []
    assert [(one["type"], one["topic"], one["reason"]) for one in socket.replies] == [
        ("error", "fleet", "forbidden")
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"zoom": 3},
        {"bbox": WORLD},
        {"bbox": [0, 0, 1], "zoom": 3},
        {"bbox": [0, 0, 1, 1, 1], "zoom": 3},
        {"bbox": ["0", 0, 1, 1], "zoom": 3},
        {"bbox": [None, 0, 1, 1], "zoom": 3},
        {"bbox": [-180.1, 0, 1, 1], "zoom": 3},
        {"bbox": [0, 0, 180.1, 1], "zoom": 3},
        {"bbox": [0, -90.1, 1, 1], "zoom": 3},
        {"bbox": [0, 0, 1, 90.1], "zoom": 3},
        {"bbox": [0, 1, 1, 1], "zoom": 3},
        {"bbox": [0, 2, 1, 1], "zoom": 3},
        {"bbox": [1, 0, 1, 1], "zoom": 3},
        {"bbox": [0, 0, 1e-9, 1], "zoom": 3},
        {"bbox": [0, 0, 1, 1e-300], "zoom": 3},
        {"bbox": WORLD, "zoom": -1},
        {"bbox": WORLD, "zoom": 24.1},
        {"bbox": WORLD, "zoom": 1e308},
        {"bbox": WORLD, "zoom": "3"},
        {"bbox": WORLD, "zoom": 3, "filter": {"stauts": ["nearby"]}},
        {"bbox": WORLD, "zoom": 3, "filter": {"status": []}},
        {"bbox": WORLD, "zoom": 3, "filter": {"status": ["delivered"]}},
        {"bbox": WORLD, "zoom": 3, "filter": {"late": 1}},
        {"bbox": WORLD, "zoom": 3, "filter": {"search": ""}},
        {"bbox": WORLD, "zoom": 3, "filter": {"search": "*"}},
        {"bbox": WORLD, "zoom": 3, "filter": {"search": "T" * 65}},
        {"bbox": WORLD, "zoom": 3, "filter": []},
        {"bbox": WORLD, "zoom": 3, "view": "no spaces"},
    ],
    ids=json.dumps,
)
def test_an_invalid_view_is_rejected_and_the_former_view_stays(socket: Socket, body: Any) -> None:
    track_fleet(socket)
    before = view_of(socket)
    track_fleet(socket, {"action": "track_fleet", **body}, at_ms=TAKEN_AT_MS + 1)

    assert view_of(socket) == before
    assert [(one["topic"], one["reason"]) for one in socket.replies] == [("fleet", "bad_request")]


@pytest.mark.parametrize(
    "text",
    [
        '{"bbox":[NaN,0,1,1],"zoom":3}',
        '{"bbox":[0,0,1,1],"zoom":NaN}',
        '{"bbox":[0,0,Infinity,1],"zoom":3}',
        '{"bbox":[0,0,1e999,1],"zoom":3}',
        "[]",
        "null",
        "",
        '{"bbox":' + "[" * 2_000,
    ],
)
def test_a_view_that_is_not_json_is_rejected(socket: Socket, text: str) -> None:
    event = aws_event("socket_track_fleet")
    event["body"] = text

    assert handle(event, socket.app) == {"statusCode": 200}
    assert [one["reason"] for one in socket.replies] == ["bad_request"]


def test_a_box_may_cross_the_antimeridian(socket: Socket) -> None:
    track_fleet(socket, {"bbox": [170, -20, -170, 5], "zoom": 5})

    assert view_of(socket) == FleetView(bbox=(170, -20, -170, 5), zoom=5)


def test_the_latest_view_is_kept_whatever_the_order_of_arrival(socket: Socket) -> None:
    track_fleet(socket, {"bbox": WORLD, "zoom": 2}, at_ms=TAKEN_AT_MS + 5)
    track_fleet(socket, {"bbox": WORLD, "zoom": 1}, at_ms=TAKEN_AT_MS + 4)
    view = view_of(socket)
    assert view is not None
    assert view.zoom == 2

    track_fleet(socket, {"bbox": WORLD, "zoom": 3}, at_ms=TAKEN_AT_MS + 6)
    view = view_of(socket)
    assert view is not None
    assert view.zoom == 3


def test_a_view_is_rounded_to_the_precision_that_is_stored(socket: Socket) -> None:
    track_fleet(socket, {"bbox": [1e-300, 0.123456789, 1, -0.0 + 1], "zoom": 3.333333})

    assert view_of(socket) == FleetView(bbox=(0.0, 0.123457, 1, 1), zoom=3.33)


def test_the_fleet_is_untracked_unless_it_was_tracked_again(socket: Socket) -> None:
    track_fleet(socket, at_ms=TAKEN_AT_MS + 1)
    socket.send("untrack_fleet", role="dispatcher", identity="ann")
    assert len(socket.subscriptions.of_topic(FLEET)) == 1  # begun after the end was requested

    track_fleet(socket, at_ms=TAKEN_AT_MS)
    event = aws_event("socket_untrack_fleet")
    event["requestContext"]["requestTimeEpoch"] = TAKEN_AT_MS + 1
    handle(event, socket.app)

    assert socket.subscriptions.of_topic(FLEET) == []
    assert socket.replies == []


@pytest.mark.parametrize("by", ["expiry", "block"])
def test_an_expired_or_revoked_token_follows_no_fleet(socket: Socket, by: str) -> None:
    if by == "expiry":
        socket.now_ms = EXPIRES_AT_MS
    else:
        socket.blocks.block(revocation("dispatcher:ann", NOW_MS))
    track_fleet(socket)

    assert socket.subscriptions.of_topic(FLEET) == []
    assert [(one["type"], one["reason"]) for one in socket.replies] == [
        ("fleet_ended", "token_expired")
    ]


def test_following_the_fleet_ends_with_the_connection(socket: Socket) -> None:
    track_fleet(socket)
    socket.send("disconnect", role="dispatcher", identity="ann")

    assert socket.subscriptions.of_topic(FLEET) == []
