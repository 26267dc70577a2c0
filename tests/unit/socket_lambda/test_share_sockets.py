"""Sockets opened with a share: what they may track, and which origins may open a socket."""

from __future__ import annotations

from typing import Any

import pytest

from rtdts.delivery_store.tickets import TicketHolder
from rtdts.push_queue.nudges import SnapshotNudge
from rtdts.tracking.roles import SHARE
from rtdts.tracking.topics import delivery_topic
from socket_lambda.authorizer import authorize
from socket_lambda.handler import handle
from socket_lambda.tokens import Holder
from tests.support.aws_events import aws_event, with_body
from tests.support.blocks import revocation
from tests.support.deliveries import NOW_MS, new_delivery, ticket_holder
from tests.support.socket_gate import UNAUTHORIZED, Gate, effect
from tests.support.socket_routes import Socket

HOUR_MS = 3_600_000
SHARE_ID = "5f0c1d2ab3e49786"
PAGE = "https://tracking.example.com"


def ticket_of_share(gate: Gate, delivery_id: str = "D-1") -> str:
    holder = TicketHolder(
        role=SHARE,
        identity=SHARE_ID,
        token_expires_at_ms=NOW_MS + HOUR_MS,
        delivery_id=delivery_id,
    )
    return gate.tickets.issue(holder, NOW_MS).ticket


def test_a_shares_ticket_opens_a_socket_for_its_delivery() -> None:
    gate = Gate()
    policy = gate.by_ticket(ticket_of_share(gate))

    assert effect(policy) == "Allow"
    assert policy["principalId"] == f"share:{SHARE_ID}"
    assert policy["context"]["role"] == SHARE
    assert policy["context"]["delivery_id"] == "D-1"
    assert policy["context"]["expires_at"] == (NOW_MS + HOUR_MS) // 1000


def test_a_token_that_claims_to_be_a_share_opens_nothing() -> None:
    """A client with a forged role from an identity provider must not bypass the shares."""
    gate = Gate()
    gate.tokens.holders["forged"] = Holder(
        role=SHARE, identity=SHARE_ID, expires_at_ms=NOW_MS + HOUR_MS
    )

    assert effect(gate.by_token("Bearer forged")) == "Deny"


def test_a_ticket_of_a_share_that_names_no_delivery_opens_nothing() -> None:
    gate = Gate()

    assert effect(gate.by_ticket(ticket_of_share(gate, delivery_id=""))) == "Deny"


def test_a_blocked_share_opens_nothing() -> None:
    gate = Gate()
    block = revocation(f"share:{SHARE_ID}", NOW_MS)
    gate.blocks.block(block)

    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_ticket(ticket_of_share(gate))


class Guest:
    """A socket that a share opened."""

    def __init__(self, delivery_id: str = "D-1") -> None:
        self.socket = Socket()
        self.socket.has(new_delivery(delivery_id="D-1"), new_delivery(delivery_id="D-2"))
        self._delivery_id = delivery_id

    def send(self, name: str, body: Any = None) -> Any:
        event = aws_event(f"socket_{name}")
        event["requestContext"]["authorizer"] |= {
            "role": SHARE,
            "identity": SHARE_ID,
            "delivery_id": self._delivery_id,
        }
        return handle(event if body is None else with_body(event, body), self.socket.app)

    def track(self, delivery_id: str) -> None:
        response = self.send("track", {"action": "track", "delivery_id": delivery_id})
        assert response == {"statusCode": 200}


def test_a_socket_of_a_share_tracks_its_delivery_as_the_share() -> None:
    guest = Guest()
    guest.track("D-1")
    (subscription,) = guest.socket.subscriptions.of_topic(delivery_topic("D-1"))

    assert (subscription.role, subscription.identity) == (SHARE, SHARE_ID)
    assert [type(nudge) for nudge in guest.socket.nudges.sent] == [SnapshotNudge]


@pytest.mark.parametrize("delivery_id", ["D-2", "D-none"])
def test_a_socket_of_a_share_gets_not_found_for_any_other_delivery(delivery_id: str) -> None:
    guest = Guest()
    guest.track(delivery_id)
    (response,) = guest.socket.replies

    assert (response["type"], response["reason"]) == ("error", "not_found")
    assert guest.socket.followed == []
    assert guest.socket.nudges.sent == []


@pytest.mark.parametrize("known", [{}, {"delivery_id": ""}, {"delivery_id": None}])
def test_a_socket_of_a_share_without_a_delivery_tracks_nothing(known: dict[str, Any]) -> None:
    guest = Guest()
    event = aws_event("socket_track")
    event["requestContext"]["authorizer"] |= {"role": SHARE, "identity": SHARE_ID, **known}
    handle(with_body(event, {"action": "track", "delivery_id": "D-1"}), guest.socket.app)

    assert [one["reason"] for one in guest.socket.replies] == ["not_found"]


def test_a_customer_named_like_a_share_has_no_right_of_the_share() -> None:
    """The role decides, not what an identity looks like."""
    socket = Socket()
    socket.has(new_delivery(delivery_id="D-1"))
    socket.track("D-1", identity=SHARE_ID)

    assert [one["reason"] for one in socket.replies] == ["not_found"]


def test_the_missing_delivery_of_a_share_is_not_found() -> None:
    guest = Guest("D-9")
    guest.track("D-9")

    assert [one["reason"] for one in guest.socket.replies] == ["not_found"]


@pytest.mark.parametrize("header", ["Origin", "origin"])
def test_a_page_of_another_origin_opens_no_socket_and_spends_no_ticket(header: str) -> None:
    gate = Gate(allowed_origins=PAGE)
    ticket = gate.tickets.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS).ticket
    event = aws_event("socket_authorize_by_ticket")
    event["queryStringParameters"] = {"ticket": ticket}

    def opened(origin: str) -> str:
        return effect(authorize(event | {"headers": event["headers"] | {header: origin}}, gate.app))

    assert [opened("https://evil.example"), opened("null"), opened(PAGE)] == [
        "Deny",
        "Deny",
        "Allow",
    ]
    assert gate.tickets.spendings == 1


def test_a_page_of_another_origin_opens_no_socket_with_a_token() -> None:
    gate = Gate(allowed_origins=PAGE)
    event = aws_event("socket_authorize_by_token")
    event["headers"] |= {"Authorization": "Bearer the-token", "Origin": "https://evil.example"}

    assert effect(authorize(event, gate.app)) == "Deny"


def test_an_app_that_sends_no_origin_opens_its_socket() -> None:
    gate = Gate(allowed_origins=PAGE)

    assert effect(gate.by_token("Bearer the-token")) == "Allow"
