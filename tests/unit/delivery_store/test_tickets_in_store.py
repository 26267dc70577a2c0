from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from rtdts.delivery_store.tickets import TicketStore
from tests.fakes.fake_delivery_tables import TABLES
from tests.fakes.scripted_client import ScriptedClient, client_error
from tests.support.deliveries import NOW_MS, ticket_holder


def test_the_table_does_not_contain_the_ticket_itself() -> None:
    client = ScriptedClient({})
    store = TicketStore(client, TABLES.socket_tickets, new_ticket=lambda: "the-secret")
    ticket = store.issue(ticket_holder("customer", "C-1", NOW_MS + 3_600_000), NOW_MS)

    assert ticket.ticket == "the-secret"
    assert "the-secret" not in repr(client.calls)


def test_a_ticket_is_not_spent_while_the_table_is_unavailable() -> None:
    client = ScriptedClient(client_error("InternalServerError", 500))

    with pytest.raises(ClientError):
        TicketStore(client, TABLES.socket_tickets).spend("ticket", NOW_MS)
