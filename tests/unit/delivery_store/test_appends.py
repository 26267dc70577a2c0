"""An append that is too large for one transaction is split into several that fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from rtdts.delivery_store.appends import MAX_EVENTS_TOGETHER, Change, Part, groups, parts
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.errors import VersionConflict
from rtdts.delivery_store.items import from_item
from rtdts.delivery_store.transactions import MAX_WRITES_TOGETHER
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, Status
from tests.fakes.aws_limits import breach
from tests.fakes.fake_delivery_tables import TABLES
from tests.fakes.scripted_client import cancelled, client_error
from tests.support.deliveries import event_of, given_to, moved_to, new_delivery

BACK_AND_FORTH = (Status.EN_ROUTE_TO_PICKUP, Status.AT_PICKUP, Status.IN_TRANSIT)


class LimitedClient:
    """Accepts the transactions that DynamoDB would accept, and records them.

    Attributes:
        taken: The writes of each transaction.
        reject_from: From this transaction on, the first write's condition fails.
    """

    def __init__(self, reject_from: int | None = None) -> None:
        self.taken: list[list[dict[str, Any]]] = []
        self.reject_from = reject_from

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        writes = request["TransactItems"]
        if code := breach("transact_write_items", request):
            raise client_error(code)
        if len(self.taken) == self.reject_from:
            raise cancelled("ConditionalCheckFailed")
        self.taken.append(writes)
        return {}

    def update_item(self, **_request: Any) -> dict[str, Any]:
        return {}


def grown(before: Delivery, count: int, **changed: Any) -> tuple[Delivery, list[DeliveryEvent]]:
    """The delivery after `count` more events, and these events."""
    events, row = [], before
    for number in range(count):
        row = moved_to(row, BACK_AND_FORTH[number % len(BACK_AND_FORTH)])
        events.append(event_of(row, **changed))
    return row, events


def append(
    client: Any, before: Delivery, after: Delivery, events: Sequence[DeliveryEvent], **more: Any
) -> None:
    store = DeliveryStore(client, TABLES, sleep=lambda _: None)
    store.append(before, after, events, **{"matches": False, **more})


def rows_and_events(client: LimitedClient) -> list[tuple[Delivery, list[DeliveryEvent]]]:
    """The row and the events that each appending transaction wrote."""
    written = []
    for writes in client.taken:
        items = [one["Put"]["Item"] for one in writes if "Put" in one]
        if items:
            row, *events = items
            written.append(
                (from_item(row, Delivery), [from_item(event, DeliveryEvent) for event in events])
            )
    return written


@pytest.mark.parametrize("count", [1, MAX_EVENTS_TOGETHER, MAX_EVENTS_TOGETHER + 1, 404])
def test_each_transaction_fits_and_its_row_is_the_fold_of_the_log_up_to_it(count: int) -> None:
    before = new_delivery()
    after, events = grown(before, count)
    client = LimitedClient()

    append(client, before, after, events)

    written = rows_and_events(client)
    assert len(written) == -(-count // MAX_EVENTS_TOGETHER)
    assert [event for _, some in written for event in some] == events
    for row, some in written:
        assert row == msgspec.structs.replace(
            after,
            status=some[-1].status,
            version=some[-1].version,
            updated_at_ms=some[-1].recorded_at_ms,
        )
    assert written[-1][0] == after


def test_each_transaction_builds_on_the_one_before_it() -> None:
    before = new_delivery()
    after, events = grown(before, 250)
    client = LimitedClient()

    append(client, before, after, events)

    built_on = [
        int(writes[0]["Put"]["ExpressionAttributeValues"][":version"]["N"])
        for writes in client.taken
    ]
    assert built_on == [before.version, *(row.version for row, _ in rows_and_events(client)[:-1])]


def test_large_events_are_split_by_their_size() -> None:
    before = new_delivery()
    after, events = grown(before, 30, note="☎" * 100_000)  # 300 kB each
    client = LimitedClient()

    append(client, before, after, events)

    assert [event for _, some in rows_and_events(client) for event in some] == events
    assert len(client.taken) > 1


def test_an_event_too_large_for_any_transaction_is_rejected() -> None:
    before = new_delivery()
    after, events = grown(before, 1, note="☎" * 200_000)

    with pytest.raises(ClientError) as rejected:
        append(LimitedClient(), before, after, events)
    assert rejected.value.response["Error"]["Code"] == "TransactionCanceledException"


def test_a_conflict_in_the_middle_leaves_a_row_that_matches_its_log() -> None:
    before = new_delivery()
    after, events = grown(before, 250)
    client = LimitedClient(reject_from=1)

    with pytest.raises(VersionConflict):
        append(client, before, after, events)

    ((row, some),) = rows_and_events(client)
    assert some == events[:MAX_EVENTS_TOGETHER]
    assert (row.version, row.status) == (some[-1].version, some[-1].status)


def test_the_matches_and_the_expiry_are_written_with_the_last_transaction() -> None:
    before = new_delivery(version=3)
    nearly, events = grown(before, 250)
    closed = moved_to(nearly, Status.DELIVERED)
    client = LimitedClient()

    append(client, before, closed, [*events, event_of(closed)], matches=True)

    tables = [
        {one["Update"]["TableName"] for one in writes if "Update" in one} for writes in client.taken
    ]
    # Events for which the last has no room expire right after it.
    assert tables[:2] == [set(), set()]
    assert tables[2] == {TABLES.truck_matches, TABLES.delivery_events}
    updates = [one["Update"] for writes in client.taken for one in writes if "Update" in one]
    expiring = {
        int(one["Key"]["version"]["N"])
        for one in updates
        if one["TableName"] == TABLES.delivery_events
    }
    in_last = {event.version for event in rows_and_events(client)[2][1]}
    assert expiring | in_last == {*range(1, closed.version + 1)}
    early = [writes[1]["Put"]["Item"] for writes in client.taken[:2]]
    assert not any("expires_at_s" in item for item in early), (
        "events of an open delivery never expire"
    )


def test_the_plan_changes_with_the_last_part() -> None:
    before = new_delivery()
    moved, events = grown(before, 120)
    after = given_to(moved, "T-other")

    cut = list(parts(before, after, [*events, event_of(after)]))

    assert [one.after.truck_id for one in cut] == [before.truck_id, "T-other"]
    assert cut[1].before == cut[0].after


def test_a_small_append_is_one_part() -> None:
    created = new_delivery()
    event = event_of(created)

    assert list(parts(None, created, [event])) == [Part(None, created, [event], is_last=True)]


def change(count: int) -> Change:
    before = new_delivery()
    return Change(before, *grown(before, count))


def test_changes_of_many_deliveries_share_transactions_that_fit() -> None:
    changes = [change(1 + number % 3) for number in range(70)]
    client = LimitedClient()
    store = DeliveryStore(client, TABLES, sleep=lambda _: None)  # type: ignore[arg-type]

    for group in groups(changes):
        store.append_together(group)

    assert [one for group in groups(changes) for one in group] == changes
    assert all(len(writes) >= MAX_WRITES_TOGETHER - 3 for writes in client.taken[:-1])
    assert sum(map(len, client.taken)) == sum(1 + len(one.events) for one in changes)


def test_a_change_too_large_for_a_transaction_is_in_no_group() -> None:
    small, large = change(1), change(MAX_WRITES_TOGETHER)

    assert [*groups([small, large, small])] == [[small, small]]
    assert [*groups([])] == []
