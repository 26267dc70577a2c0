from __future__ import annotations

from typing import Any

import pytest

from rtdts.delivery_store.batches import batch_get
from rtdts.delivery_store.errors import StoreBusy
from rtdts.delivery_store.transactions import ATTEMPTS
from tests.fakes.scripted_client import ScriptedClient

TABLE = "deliveries"


def key(number: int) -> dict[str, Any]:
    return {"delivery_id": {"S": f"D-{number}"}}


def response(*found: int, unread: tuple[int, ...] = ()) -> dict[str, Any]:
    left = {TABLE: {"Keys": [key(number) for number in unread], "ConsistentRead": True}}
    return {
        "Responses": {TABLE: [key(number) for number in found]},
        "UnprocessedKeys": left if unread else {},
    }


def read(client: ScriptedClient, count: int) -> tuple[list[Any], list[float]]:
    waits_s: list[float] = []
    keys = [key(number) for number in range(count)]
    items = list(batch_get(client, TABLE, keys, sleep=waits_s.append))
    return items, waits_s


def requested(client: ScriptedClient) -> list[dict[str, Any]]:
    return [parameters["RequestItems"][TABLE] for _, parameters in client.calls]


def test_a_request_takes_a_hundred_keys_and_reads_consistently() -> None:
    client = ScriptedClient(response(*range(100)), response(100))
    items, waits_s = read(client, 101)

    assert items == [key(number) for number in range(101)]
    assert [len(request["Keys"]) for request in requested(client)] == [100, 1]
    assert all(request["ConsistentRead"] for request in requested(client))
    assert waits_s == []


def test_only_unread_keys_are_requested_again() -> None:
    client = ScriptedClient(response(0, unread=(1, 2)), response(1, unread=(2,)), response(2))
    items, waits_s = read(client, 3)

    assert items == [key(0), key(1), key(2)]
    assert [len(request["Keys"]) for request in requested(client)] == [3, 2, 1]
    assert len(waits_s) == 2


def test_keys_that_are_never_read_are_given_up_on() -> None:
    client = ScriptedClient(*[response(unread=(0,))] * ATTEMPTS)

    with pytest.raises(StoreBusy):
        read(client, 1)


def test_reading_continues_as_long_as_each_request_reads_something() -> None:
    count = ATTEMPTS * 2
    slow = [response(n, unread=tuple(range(n + 1, count))) for n in range(count)]
    items, _ = read(ScriptedClient(*slow), count)

    assert len(items) == count


def test_no_request_is_sent_for_no_keys() -> None:
    client = ScriptedClient()

    assert read(client, 0) == ([], [])
    assert client.calls == []
