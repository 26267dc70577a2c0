"""The socket's routes from the gateway's event to what they do, on fakes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from rtdts.delivery_store.subscriptions import Subscription
from rtdts.push_queue.nudges import Nudge, SnapshotNudge
from rtdts.tracking.deliveries import Status
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from socket_lambda.connection import ConnectionPoster
from socket_lambda.handler import handle
from socket_lambda.routes import ROUTES
from tests.fakes.scripted_client import ScriptedClient, client_error
from tests.support.aws_events import aws_event
from tests.support.blocks import revocation
from tests.support.deliveries import NOW_MS, event_of, moved_to, new_delivery
from tests.support.socket_routes import CONNECTION, EXPIRES_AT_MS, TAKEN_AT_MS, Socket


@pytest.fixture
def socket() -> Socket:
    made = Socket()
    made.has(new_delivery(delivery_id="D-1"))
    return made


def test_connecting_posts_nothing(socket: Socket) -> None:
    assert socket.send("connect") == {"statusCode": 200}
    assert socket.poster.posted == []
    assert socket.nudges.sent == []


def test_a_viewer_that_tracks_is_subscribed_and_gets_a_snapshot(socket: Socket) -> None:
    assert socket.send("track") == {"statusCode": 200}

    assert socket.subscriptions.of_topic(delivery_topic("D-1")) == [
        Subscription(
            topic=delivery_topic("D-1"),
            endpoint=socket_endpoint(CONNECTION),
            role="customer",
            identity="C-88",
            token_expires_at_ms=EXPIRES_AT_MS,
            subscribed_at_ms=TAKEN_AT_MS,
        )
    ]
    assert socket.nudges.sent == [
        SnapshotNudge(
            delivery_id="D-1",
            connection_id=CONNECTION,
            request_id="JKJbYHfMPLAMFXw=",
            since_version=2,
            subscribed_at_ms=TAKEN_AT_MS,
        )
    ]
    assert socket.poster.posted == []


def test_a_change_while_tracking_begins_is_not_missed(
    socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The snapshot is requested after the subscription exists: a transition between the two
    # reaches the subscriber, or is in the snapshot.
    subscribed: list[bool] = []
    send = socket.nudges.send

    def watching(nudge: Nudge) -> None:
        subscribed.append(
            socket.subscriptions.has(delivery_topic("D-1"), socket_endpoint(CONNECTION))
        )
        send(nudge)

    monkeypatch.setattr(socket.nudges, "send", watching)
    socket.send("track")

    assert subscribed == [True]


@pytest.mark.parametrize(
    ("role", "identity"),
    [("customer", "C-99"), ("truck", "T-0012"), ("truck", "C-88"), ("", "C-88")],
)
def test_deliveries_of_others_are_reported_as_missing(
    socket: Socket, role: str, identity: str
) -> None:
    socket.track("D-1", role=role, identity=identity)
    socket.track("D-missing", role=role, identity=identity)
    not_theirs, missing = socket.replies

    assert {**not_theirs, "delivery_id": "D-missing"} == missing
    assert (not_theirs["type"], not_theirs["reason"]) == ("error", "not_found")
    assert socket.followed == []
    assert socket.nudges.sent == []


def test_a_dispatcher_tracks_any_delivery(socket: Socket) -> None:
    socket.track("D-1", role="dispatcher", identity="ann")

    assert socket.followed == ["D-1"]


def test_tracking_a_closed_delivery_requests_its_snapshot(
    socket: Socket,
) -> None:
    closed = moved_to(new_delivery(delivery_id="D-2"), Status.CANCELLED)
    socket.has(new_delivery(delivery_id="D-2"))
    socket.deliveries.append(socket.deliveries.get("D-2"), closed, [event_of(closed)], matches=True)
    socket.track("D-2")

    assert [nudge.delivery_id for nudge in socket.nudges.sent] == ["D-2"]


def test_the_fleet_does_not_count_towards_the_limit_of_tracked_deliveries(socket: Socket) -> None:
    socket.has(new_delivery(delivery_id="D-2"))
    socket.send("track_fleet", role="dispatcher")
    for delivery_id in ("D-1", "D-2"):
        socket.track(delivery_id, role="dispatcher")

    assert socket.followed == ["D-1", "D-2"]


def test_a_connection_tracks_no_more_deliveries_than_its_limit(socket: Socket) -> None:
    socket.has(new_delivery(delivery_id="D-2"), new_delivery(delivery_id="D-3"))
    for delivery_id in ("D-1", "D-2", "D-3"):
        socket.track(delivery_id)
    assert socket.followed == ["D-1", "D-2"]
    (rejection,) = socket.replies
    assert (rejection["reason"], rejection["delivery_id"]) == ("too_many", "D-3")

    socket.track("D-2")  # what is tracked already may be requested again
    assert socket.nudges.sent[-1].delivery_id == "D-2"
    socket.send("untrack", {"action": "untrack", "delivery_id": "D-1"})
    socket.track("D-3")
    assert socket.followed == ["D-2", "D-3"]
    assert len(socket.replies) == 1


def test_a_viewer_without_a_right_gets_not_found_even_beyond_the_limit(socket: Socket) -> None:
    socket.has(new_delivery(delivery_id="D-2"), new_delivery(delivery_id="D-3", customer_id="C-9"))
    for delivery_id in ("D-1", "D-2", "D-3"):
        socket.track(delivery_id)

    assert socket.replies[0]["reason"] == "not_found"


def test_an_expired_token_tracks_nothing(socket: Socket) -> None:
    socket.now_ms = EXPIRES_AT_MS
    socket.track("D-1")

    assert socket.followed == []
    (ended,) = socket.replies
    assert (ended["type"], ended["reason"]) == ("ended", "token_expired")


@pytest.mark.parametrize("route", ["track", "untrack"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        '{"deep":' + "[" * 50_000,
        {"action": "track"},
        {"action": "track", "delivery_id": 7},
        {"action": "track", "delivery_id": "no spaces"},
        {"action": "track", "delivery_id": ""},
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_frame_outside_the_contract_is_a_bad_request(
    socket: Socket, route: str, body: Any
) -> None:
    socket.send(route, body)
    (error,) = socket.replies

    assert (error["type"], error["reason"]) == ("error", "bad_request")


@pytest.mark.parametrize("since_version", [-1, "2", 1.5, 2**31, int("9" * 40)])
def test_an_impossible_version_is_a_bad_request(socket: Socket, since_version: Any) -> None:
    body = {"action": "track", "delivery_id": "D-1", "since_version": since_version}
    socket.send("track", body)

    assert socket.replies[0]["reason"] == "bad_request"
    assert socket.followed == []


def test_an_unknown_action_is_a_bad_request(socket: Socket) -> None:
    socket.send("default")

    assert socket.poster.posted[0][0] == CONNECTION
    assert socket.replies[0]["reason"] == "bad_request"


def test_a_ping_gets_a_pong(socket: Socket) -> None:
    socket.send("ping")
    (pong,) = socket.replies

    assert (pong["type"], pong["sent_at"]) == ("pong", "2026-11-24T07:10:00.312Z")


def test_untracking_ends_the_subscription_without_a_message(socket: Socket) -> None:
    socket.track("D-1")
    socket.send("untrack")

    assert socket.followed == []
    assert socket.poster.posted == []


def test_an_untrack_older_than_the_last_track_ends_nothing(socket: Socket) -> None:
    later = aws_event("socket_track")
    later["requestContext"]["requestTimeEpoch"] = TAKEN_AT_MS + 1
    handle(later, socket.app)
    socket.send("untrack")

    assert socket.followed == ["D-1"]


def test_a_disconnect_removes_only_the_subscriptions_of_its_connection(socket: Socket) -> None:
    socket.track("D-1")
    (mine,) = socket.subscriptions.of_topic(delivery_topic("D-1"))
    socket.subscriptions.add(msgspec.structs.replace(mine, endpoint=socket_endpoint("other=")))
    socket.send("disconnect")

    assert [one.endpoint for one in socket.subscriptions.of_topic(delivery_topic("D-1"))] == [
        socket_endpoint("other=")
    ]


def test_a_reply_to_a_closed_connection_is_not_a_failure(socket: Socket) -> None:
    socket.poster.gone = True

    assert socket.send("ping") == {"statusCode": 200}
    assert "gone" in socket.lines.getvalue()


def test_an_unexpected_error_returns_500_and_is_logged(socket: Socket) -> None:
    socket.poster.trouble = client_error("InternalServerError", 500)

    assert socket.send("ping") == {"statusCode": 500}
    lines = [json.loads(line) for line in socket.lines.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["unexpected", "socket"]


def test_no_response_has_a_body_that_the_gateway_would_send_to_the_viewer(socket: Socket) -> None:
    names = [route.removeprefix("$") for route in ROUTES]

    assert [set(socket.send(name)) for name in names] == [{"statusCode"}] * len(ROUTES)


def test_each_event_is_logged_in_one_line(socket: Socket) -> None:
    socket.send("track")
    (line,) = [json.loads(line) for line in socket.lines.getvalue().splitlines()]

    assert (line["route"], line["outcome"]) == ("track", "tracking")
    assert (line["actor"], line["connection_id"]) == ("customer:C-88", CONNECTION)
    assert line["request_id"] == "JKJbYHfMPLAMFXw="


def test_a_post_distinguishes_410_from_failures() -> None:
    client = ScriptedClient({}, client_error("GoneException", 410), client_error("Other", 500))
    poster = ConnectionPoster(client)

    assert poster.post("c=", b"{}") is True
    assert poster.post("c=", b"{}") is False
    with pytest.raises(ClientError):
        poster.post("c=", b"{}")
    assert client.calls[0] == ("post_to_connection", {"ConnectionId": "c=", "Data": b"{}"})


def test_ending_a_connection_with_410_is_not_an_error() -> None:
    client = ScriptedClient({}, client_error("GoneException", 410), client_error("Other", 500))
    poster = ConnectionPoster(client)
    poster.end("c=")
    poster.end("c=")

    with pytest.raises(ClientError):
        poster.end("c=")
    assert client.calls[0] == ("delete_connection", {"ConnectionId": "c="})


STOLEN = revocation("customer:C-88", NOW_MS)


def test_an_open_socket_tracks_nothing_more_once_its_token_is_revoked(socket: Socket) -> None:
    socket.track("D-1")
    socket.blocks.block(STOLEN)
    socket.now_ms += 10_000
    sent = len(socket.nudges.sent)
    socket.track("D-1")

    assert len(socket.nudges.sent) == sent
    assert [(reply["type"], reply["reason"]) for reply in socket.replies] == [
        ("ended", "token_expired")
    ]
    assert socket.poster.ended == [CONNECTION]


@pytest.mark.parametrize("route", ["ping", "untrack", "track_fleet", "untrack_fleet", "default"])
def test_any_frame_of_a_revoked_connection_ends_it(socket: Socket, route: str) -> None:
    socket.send(route)
    socket.blocks.block(STOLEN)
    socket.now_ms += 9_999
    socket.send(route)
    before = list(socket.poster.ended)
    socket.now_ms += 1
    socket.send(route)

    assert (before, socket.poster.ended) == ([], [CONNECTION])
