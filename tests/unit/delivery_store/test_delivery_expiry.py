"""When a delivery and its log expire."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest

from deploy.tables import DELIVERIES, DELIVERY_EVENTS
from rtdts.delivery_store.deliveries import LOG_OUTLIVES_ROW_DAYS, DeliveryStore
from rtdts.delivery_store.errors import VersionConflict
from rtdts.delivery_store.transactions import MAX_WRITES_TOGETHER
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, Status
from tests.fakes.fake_delivery_tables import TABLES
from tests.fakes.scripted_client import ScriptedClient, cancelled, client_error
from tests.support.deliveries import event_of, moved_to, new_delivery

DAY_S = 86_400
RETENTION_DAYS = 10


def append(
    client: ScriptedClient, before: Delivery | None, after: Delivery, *events: DeliveryEvent
) -> str:
    """Appends the events, and returns what was logged."""
    stream = io.StringIO()
    store = DeliveryStore(
        client,
        TABLES,
        closed_retention_days=RETENTION_DAYS,
        log=Logger("store", stream=stream),
        sleep=lambda _: None,
    )
    store.append(before, after, list(events), matches=True)
    return stream.getvalue()


def written(
    before: Delivery | None, after: Delivery, *events: DeliveryEvent
) -> list[dict[str, Any]]:
    """The written items: the row and the events."""
    client = ScriptedClient({}, {})
    append(client, before, after, *events)
    writes = transactions(client)[0]
    return [one["Put"]["Item"] for one in writes if "Put" in one]


def transactions(client: ScriptedClient) -> list[list[dict[str, Any]]]:
    return [
        request["TransactItems"] for name, request in client.calls if name == "transact_write_items"
    ]


def expiring_versions(writes: list[dict[str, Any]]) -> list[int]:
    return [
        int(one["Update"]["Key"]["version"]["N"])
        for one in writes
        if one.get("Update", {}).get("TableName") == TABLES.delivery_events
    ]


def long_open(events: int) -> Delivery:
    return new_delivery(version=events, status=Status.IN_TRANSIT)


def test_an_open_delivery_and_its_log_never_expire() -> None:
    delivery = new_delivery()

    row, event = written(None, delivery, event_of(delivery))

    assert DELIVERIES.ttl_attribute not in row
    assert DELIVERY_EVENTS.ttl_attribute not in event


def test_a_closed_delivery_expires_some_days_after_its_end_was_recorded() -> None:
    open_one = new_delivery()
    moved = moved_to(open_one, Status.DELIVERED)
    closed = msgspec.structs.replace(moved, closed_at_ms=open_one.created_at_ms)

    row, _ = written(open_one, closed, event_of(closed))

    expires_at_s = closed.updated_at_ms // 1000 + RETENTION_DAYS * DAY_S
    assert row[DELIVERIES.ttl_attribute or ""] == {"N": str(expires_at_s)}


def test_the_retention_of_a_log_begins_when_its_end_is_recorded_even_a_year_late() -> None:
    open_one = new_delivery()
    reported = moved_to(open_one, Status.DELIVERED)
    closed = msgspec.structs.replace(
        reported, updated_at_ms=reported.updated_at_ms + 365 * DAY_S * 1000
    )

    row, event = written(open_one, closed, event_of(closed))

    retention_s = (RETENTION_DAYS + LOG_OUTLIVES_ROW_DAYS) * DAY_S
    assert DELIVERY_EVENTS.ttl_attribute == "expires_at_s"
    assert int(event["expires_at_s"]["N"]) == closed.updated_at_ms // 1000 + retention_s
    assert int(event["expires_at_s"]["N"]) > int(row["expires_at_s"]["N"])


def test_the_whole_log_expires_in_the_transaction_that_closes_the_delivery() -> None:
    before = long_open(6)
    closed = moved_to(before, Status.DELIVERED)
    client = ScriptedClient({})

    append(client, before, closed, event_of(closed))

    (writes,) = transactions(client)
    assert expiring_versions(writes) == [1, 2, 3, 4, 5, 6]


def test_events_too_many_for_a_transaction_expire_right_after_it() -> None:
    before = long_open(250)
    closed = moved_to(before, Status.DELIVERED)
    client = ScriptedClient({}, {}, {})

    append(client, before, closed, event_of(closed))

    first, *rest = transactions(client)
    assert [len(writes) for writes in (first, *rest)] == [MAX_WRITES_TOGETHER, 100, 53]
    assert len([one for one in first if "Put" in one]) == 2
    versions = [version for writes in (first, *rest) for version in expiring_versions(writes)]
    assert versions == [*range(1, 251)]


@pytest.mark.parametrize("rejected", [client_error("AccessDenied"), cancelled("ValidationError")])
def test_a_delivery_is_closed_even_if_the_expiry_of_its_remaining_log_is_rejected(
    rejected: Exception,
) -> None:
    before = long_open(250)
    closed = moved_to(before, Status.DELIVERED)

    reported = json.loads(append(ScriptedClient({}, rejected), before, closed, event_of(closed)))

    assert (reported["level"], reported["event"]) == ("error", "log_expires_in_part")
    assert reported["delivery_id"] == closed.delivery_id


def test_a_log_that_is_being_erased_is_not_created_again() -> None:
    before = long_open(2)
    closed = moved_to(before, Status.CANCELLED)
    gone = ScriptedClient(cancelled("None", "None", "None", "ConditionalCheckFailed", "None"))

    with pytest.raises(VersionConflict):
        append(gone, before, closed, event_of(closed))
    updates = [one["Update"] for one in transactions(gone)[0] if "Update" in one]
    conditions = [
        one["ConditionExpression"] for one in updates if one["TableName"] == TABLES.delivery_events
    ]
    assert conditions == ["attribute_exists(delivery_id)"] * 2


def test_a_later_event_of_a_closed_delivery_expires_and_changes_no_other_event() -> None:
    closed = moved_to(new_delivery(), Status.DELIVERED)
    corrected = msgspec.structs.replace(closed, version=3)
    client = ScriptedClient({})

    append(client, closed, corrected, event_of(corrected))

    (writes,) = transactions(client)
    assert expiring_versions(writes) == []
    assert "expires_at_s" in writes[1]["Put"]["Item"]
