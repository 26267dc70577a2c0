"""When a delivery and its log go by themselves."""

from __future__ import annotations

from typing import Any

import msgspec

from rtdts.delivery_store.deliveries import LOG_OUTLIVES_ROW_DAYS, DeliveryStore
from rtdts.delivery_store.schema import DELIVERIES, DELIVERY_EVENTS
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, Status
from tests.fakes.scripted_client import ScriptedClient
from tests.support.deliveries import event_of, moved_to, new_delivery
from tests.unit.delivery_store.test_delivery_reads import TABLES

DAY_S = 86_400
KEPT_DAYS = 10


def written(
    before: Delivery | None, after: Delivery, *events: DeliveryEvent
) -> list[dict[str, Any]]:
    client = ScriptedClient({}, {})
    store = DeliveryStore(client, TABLES, closed_kept_days=KEPT_DAYS, sleep=lambda _: None)
    store.append(before, after, list(events), matches=False)
    (_, request), *_ = client.calls
    return [one["Put"]["Item"] for one in request["TransactItems"]]


def test_an_open_delivery_never_expires() -> None:
    delivery = new_delivery()

    row, _ = written(None, delivery, event_of(delivery))

    assert DELIVERIES.ttl_attribute not in row


def test_a_closed_one_expires_some_days_after_it_was_closed() -> None:
    open_one = new_delivery()
    closed = moved_to(open_one, Status.DELIVERED)
    assert closed.closed_at_ms is not None

    row, _ = written(open_one, closed, event_of(closed))

    expires_at_s = closed.closed_at_ms // 1000 + KEPT_DAYS * DAY_S
    assert row[DELIVERIES.ttl_attribute or ""] == {"N": str(expires_at_s)}


def test_the_log_of_one_that_was_open_for_a_month_outlives_its_row() -> None:
    open_one = new_delivery()
    _, first = written(None, open_one, event_of(open_one))
    month_ms = LOG_OUTLIVES_ROW_DAYS * DAY_S * 1000
    closed = msgspec.structs.replace(
        moved_to(open_one, Status.DELIVERED), closed_at_ms=open_one.created_at_ms + month_ms
    )
    row, _ = written(open_one, closed, event_of(closed))

    assert DELIVERY_EVENTS.ttl_attribute == "expires_at_s"
    assert int(first["expires_at_s"]["N"]) >= int(row["expires_at_s"]["N"])
