"""What an emulator without lag and without page limits can't show of `DeliveryStore`."""

from __future__ import annotations

import io
import json
from typing import Any

from rtdts.delivery_store.deliveries import (
    MAX_INDEX_PAGES,
    DeliveryStore,
    FoundDeliveries,
    ListPosition,
)
from rtdts.delivery_store.items import to_item
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Delivery, Status
from tests.fakes.fake_delivery_tables import TABLES
from tests.fakes.scripted_client import ScriptedClient
from tests.support.deliveries import event_of, moved_to, new_delivery


def store_on(client: ScriptedClient) -> DeliveryStore:
    return DeliveryStore(client, TABLES, sleep=lambda _: None)


def entry(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": {"S": delivery.delivery_id},
        "created_at_ms": {"N": str(delivery.created_at_ms)},
    }


def index_page(*deliveries: Delivery, more: Delivery | None = None) -> dict[str, Any]:
    page: dict[str, Any] = {"Items": [entry(delivery) for delivery in deliveries]}
    return page | ({"LastEvaluatedKey": entry(more)} if more else {})


def rows(*deliveries: Delivery) -> dict[str, Any]:
    return {"Responses": {"deliveries": [to_item(delivery) for delivery in deliveries]}}


def test_a_delivery_in_a_stale_index_entry_is_not_listed() -> None:
    theirs = new_delivery(customer_id="C-1")
    reassigned = new_delivery(customer_id="C-2")
    moved_on = moved_to(new_delivery(customer_id="C-1"), Status.CANCELLED)
    erased = new_delivery(customer_id="C-1")
    client = ScriptedClient(
        index_page(theirs, reassigned, moved_on, erased), rows(reassigned, theirs, moved_on)
    )
    page = store_on(client).list_page(customer_id="C-1", status=Status.ASSIGNED)

    assert page.deliveries == (theirs,)
    assert page.next is None


def test_a_selective_filter_returns_a_short_page_with_a_next_position() -> None:
    last = new_delivery(customer_id="C-1")
    empty = [index_page(more=last)] * MAX_INDEX_PAGES
    client = ScriptedClient(*empty)
    page = store_on(client).list_page(customer_id="C-1", status=Status.FAILED, limit=2)

    assert page.deliveries == ()
    assert page.next == ListPosition(created_at_ms=last.created_at_ms, delivery_id=last.delivery_id)
    assert len(client.calls) == MAX_INDEX_PAGES


def test_a_page_is_filled_over_several_index_pages_without_gap_or_repetition() -> None:
    first, second, third = (new_delivery(customer_id="C-1", created_at_ms=n) for n in (3, 2, 1))
    client = ScriptedClient(
        index_page(first, more=first), rows(first), index_page(second, third), rows(second, third)
    )
    page = store_on(client).list_page(customer_id="C-1", limit=2)

    assert page.deliveries == (first, second)
    assert page.next == ListPosition(created_at_ms=2, delivery_id=second.delivery_id)
    assert client.calls[2][1]["ExclusiveStartKey"]["created_at_ms"] == {"N": "3"}


def test_a_log_longer_than_a_page_is_read_whole_and_consistently() -> None:
    first = new_delivery()
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    cut = {"delivery_id": {"S": first.delivery_id}, "version": {"N": "1"}}
    client = ScriptedClient(
        {"Items": [to_item(event_of(first))], "LastEvaluatedKey": cut},
        {"Items": [to_item(event_of(second))]},
    )
    log = store_on(client).events(first.delivery_id)

    assert log == [event_of(first), event_of(second)]
    assert client.calls[1][1]["ExclusiveStartKey"] == cut
    assert all(parameters["ConsistentRead"] for _, parameters in client.calls)


def test_a_delivery_is_read_consistently() -> None:
    delivery = new_delivery()
    client = ScriptedClient({"Item": to_item(delivery)})

    assert store_on(client).get(delivery.delivery_id) == delivery
    assert client.calls[0][1]["ConsistentRead"] is True


def test_a_row_that_cannot_be_read_affects_no_other_row() -> None:
    good, broken = new_delivery(), new_delivery()
    bad_row = {**to_item(broken), "status": {"S": "lost"}}
    output = io.StringIO()
    store = DeliveryStore(
        ScriptedClient({"Responses": {"deliveries": [bad_row, to_item(good)]}}),
        TABLES,
        log=Logger("delivery_store", output),
    )

    found = store.get_many([broken.delivery_id, good.delivery_id])

    assert found == FoundDeliveries({good.delivery_id: good}, frozenset({broken.delivery_id}))
    reported = json.loads(output.getvalue())
    assert (reported["level"], reported["delivery_id"]) == ("error", broken.delivery_id)
