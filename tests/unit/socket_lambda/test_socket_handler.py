"""The socket's routes from the gateway's event to what they do, on fakes."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.push_queue.nudges import SnapshotNudge
from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Block, BlockKind
from rtdts.tracking.deliveries import Delivery, Status
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from socket_lambda.bootstrap import App
from socket_lambda.connection import ConnectionPoster
from socket_lambda.dispatch import Dispatch
from socket_lambda.handler import handle
from socket_lambda.limits import LimitKeeper, SocketLimits
from socket_lambda.routes import ROUTES
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_socket_limits import FakeSocketLimitStore
from tests.fakes.fake_subscriptions import FakeSubscriptionStore
from tests.fakes.scripted_client import ScriptedClient, client_error
from tests.support.asyncapi_schema import validate_message
from tests.support.aws_events import aws_event, with_body
from tests.support.deliveries import NOW_MS, event_of, moved_to, new_delivery

CONNECTION = "JKJbWfMPLAMCJ1Q="
EXPIRES_AT_MS = 1_795_506_600_000
TAKEN_AT_MS = 1_795_503_060_121
"""When the gateway took the events."""
MAX_TRACKED = 2
LIMITS = SocketLimits.of(max_sockets=3, connects_per_minute=6, max_tracked=10, frames_per_minute=30)


class FakePoster:
    """Keeps the messages to each connection."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.ended: list[str] = []
        self.gone = False
        self.trouble: Exception | None = None

    def post(self, connection_id: str, message: bytes) -> bool:
        if self.trouble is not None:
            raise self.trouble
        if self.gone:
            return False
        self.posted.append((connection_id, validate_message(message)))
        return True

    def end(self, connection_id: str) -> None:
        self.ended.append(connection_id)


def too_much(connection_id: str) -> None:
    raise AssertionError(f"{connection_id} posted too much")


class Socket:
    def __init__(self) -> None:
        self.deliveries = FakeDeliveryStore()
        self.subscriptions = FakeSubscriptionStore()
        self.nudges = FakeNudgeQueue()
        self.poster = FakePoster()
        self.blocks = FakeBlockStore()
        self.lines = io.StringIO()
        self.now_ms = NOW_MS
        dispatch = Dispatch(
            deliveries=self.deliveries,
            subscriptions=self.subscriptions,
            snapshots=self.nudges,
            poster=self.poster,
            limits=LimitKeeper(
                FakeSocketLimitStore(),
                LIMITS,
                close=too_much,
                now_ms=lambda: self.now_ms,
            ),
            blocks=BlockList(
                self.blocks, log=Logger("test", self.lines), now_ms=lambda: self.now_ms
            ),
            max_tracked=MAX_TRACKED,
            now_ms=lambda: self.now_ms,
        )
        self.app = App(dispatch=dispatch, log=Logger("test", self.lines))

    def has(self, *deliveries: Delivery) -> None:
        for one in deliveries:
            self.deliveries.append(None, one, [event_of(one)], matches=True)

    def send(
        self, name: str, body: Any = None, role: str = "customer", identity: str = "C-88"
    ) -> Any:
        event = aws_event(f"socket_{name}")
        event["requestContext"]["authorizer"] |= {"role": role, "identity": identity}
        return handle(event if body is None else with_body(event, body), self.app)

    def track(self, delivery_id: str, **sender: str) -> None:
        response = self.send("track", {"action": "track", "delivery_id": delivery_id}, **sender)
        assert response == {"statusCode": 200}

    @property
    def replies(self) -> list[Any]:
        return [message for _, message in self.poster.posted]

    @property
    def followed(self) -> list[str]:
        return [
            delivery_id
            for delivery_id in ("D-1", "D-2", "D-3")
            if self.subscriptions.has(delivery_topic(delivery_id), socket_endpoint(CONNECTION))
        ]


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


def test_a_change_while_tracking_begins_is_not_missed(socket: Socket) -> None:
    # The snapshot is requested after the subscription exists: a transition between the two
    # reaches the subscriber, or is in the snapshot.
    subscribed: list[bool] = []
    send = socket.nudges.send

    def watching(nudge: Any) -> None:
        subscribed.append(
            socket.subscriptions.has(delivery_topic("D-1"), socket_endpoint(CONNECTION))
        )
        send(nudge)

    socket.nudges.send = watching
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


def test_a_dispatcher_tracks_any(socket: Socket) -> None:
    socket.track("D-1", role="dispatcher", identity="ann")

    assert socket.followed == ["D-1"]


def test_a_closed_delivery_may_be_requested_and_its_snapshot_has_the_end(
    socket: Socket,
) -> None:
    closed = moved_to(new_delivery(delivery_id="D-2"), Status.CANCELLED)
    socket.has(new_delivery(delivery_id="D-2"))
    socket.deliveries.append(socket.deliveries.get("D-2"), closed, [event_of(closed)], matches=True)
    socket.track("D-2")

    assert [nudge.delivery_id for nudge in socket.nudges.sent] == ["D-2"]


def test_the_fleet_is_none_of_the_deliveries_that_a_connection_may_follow(socket: Socket) -> None:
    socket.has(new_delivery(delivery_id="D-2"))
    socket.send("track_fleet", role="dispatcher")
    for delivery_id in ("D-1", "D-2"):
        socket.track(delivery_id, role="dispatcher")

    assert socket.followed == ["D-1", "D-2"]


def test_a_connection_follows_so_many_and_no_more(socket: Socket) -> None:
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


def test_a_viewer_without_a_right_does_not_learn_that_it_has_too_many(socket: Socket) -> None:
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
def test_a_version_that_cannot_be_is_a_bad_request(socket: Socket, since_version: Any) -> None:
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


def test_an_untrack_that_was_overtaken_ends_nothing(socket: Socket) -> None:
    later = aws_event("socket_track")
    later["requestContext"]["requestTimeEpoch"] = TAKEN_AT_MS + 1
    handle(later, socket.app)
    socket.send("untrack")

    assert socket.followed == ["D-1"]


def test_a_connection_that_ends_takes_its_subscriptions_along(socket: Socket) -> None:
    socket.track("D-1")
    (mine,) = socket.subscriptions.of_topic(delivery_topic("D-1"))
    socket.subscriptions.add(msgspec.structs.replace(mine, endpoint=socket_endpoint("other=")))
    socket.send("disconnect")

    assert [one.endpoint for one in socket.subscriptions.of_topic(delivery_topic("D-1"))] == [
        socket_endpoint("other=")
    ]


def test_a_viewer_that_disconnected_is_no_failure(socket: Socket) -> None:
    socket.poster.gone = True

    assert socket.send("ping") == {"statusCode": 200}
    assert "gone" in socket.lines.getvalue()


def test_a_failure_is_a_response_and_a_trace_in_the_log(socket: Socket) -> None:
    socket.poster.trouble = client_error("InternalServerError", 500)

    assert socket.send("ping") == {"statusCode": 500}
    lines = [json.loads(line) for line in socket.lines.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["unexpected", "socket"]


def test_no_response_has_a_body_the_gateway_would_send_it_to_the_viewer(socket: Socket) -> None:
    names = [route.removeprefix("$") for route in ROUTES]

    assert [set(socket.send(name)) for name in names] == [{"statusCode"}] * len(ROUTES)


def test_each_event_is_one_line_of_log(socket: Socket) -> None:
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


def test_a_connection_with_410_has_ended() -> None:
    client = ScriptedClient({}, client_error("GoneException", 410), client_error("Other", 500))
    poster = ConnectionPoster(client)
    poster.end("c=")
    poster.end("c=")

    with pytest.raises(ClientError):
        poster.end("c=")
    assert client.calls[0] == ("delete_connection", {"ConnectionId": "c="})


STOLEN = Block(
    subject="customer:C-88",
    kind=BlockKind.REVOKED,
    until_ms=NOW_MS + 3_600_000,
    reason="stolen",
    blocked_at_ms=NOW_MS,
)


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
