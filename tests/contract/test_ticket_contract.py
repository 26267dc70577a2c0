"""What both `TicketStore` and its fake promise."""

from __future__ import annotations

import boto3
import pytest

from rtdts.delivery_store.tickets import TicketHolder, TicketStore
from tests.fakes.fake_tickets import FakeTicketStore
from tests.support.deliveries import NOW_MS, ticket_holder

Store = TicketStore | FakeTicketStore
HOUR_MS = 3_600_000


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeTicketStore()
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    return TicketStore(client, request.getfixturevalue("table_names").socket_tickets)


def test_a_ticket_is_spent_once(store: Store) -> None:
    ticket = store.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS)

    assert ticket.expires_at_ms == NOW_MS + 30_000
    assert store.spend(ticket.ticket, NOW_MS + 29_999) == TicketHolder(
        role="customer", identity="C-88", token_expires_at_ms=NOW_MS + HOUR_MS
    )
    assert store.spend(ticket.ticket, NOW_MS + 29_999) is None


def test_an_expired_ticket_is_invalid(store: Store) -> None:
    ticket = store.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS)

    assert store.spend(ticket.ticket, NOW_MS + 30_000) is None


def test_a_ticket_expires_no_later_than_its_token(store: Store) -> None:
    ticket = store.issue(ticket_holder("dispatcher", "ann", NOW_MS + 5_000), NOW_MS)

    assert ticket.expires_at_ms == NOW_MS + 5_000
    assert store.spend(ticket.ticket, NOW_MS + 5_000) is None


def test_an_invented_ticket_is_invalid(store: Store) -> None:
    assert store.spend("ticket-that-was-not-issued", NOW_MS) is None


def test_every_ticket_is_different(store: Store) -> None:
    tickets = {
        store.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS).ticket
        for _ in range(5)
    }

    assert len(tickets) == 5
