from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from rtdts.delivery_store.errors import StoreBusy, TruckFull, VersionConflict
from rtdts.delivery_store.transactions import ATTEMPTS, Write, write_together
from tests.fakes.scripted_client import ScriptedClient, cancelled, client_error

WRITES = [
    Write(item={"Put": {"TableName": "a", "Item": {}}}, if_condition_failed=VersionConflict("D-1")),
    Write(item={"Update": {"TableName": "b", "Key": {}, "UpdateExpression": ""}}),
    Write(item={"Put": {"TableName": "c", "Item": {}}}, if_condition_failed=TruckFull("T-1", 3)),
]


def write(client: ScriptedClient) -> list[float]:
    waits_s: list[float] = []
    write_together(client, WRITES, sleep=waits_s.append, operation="test")
    return waits_s


def test_all_writes_are_sent_in_one_request() -> None:
    client = ScriptedClient({})
    waits_s = write(client)

    ((operation, parameters),) = client.calls
    assert operation == "transact_write_items"
    assert parameters["TransactItems"] == [write.item for write in WRITES]
    assert waits_s == []


@pytest.mark.parametrize(
    "reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_a_temporary_failure_is_retried_with_the_same_token(reason: str) -> None:
    client = ScriptedClient(cancelled("None", reason, "None"), {})
    waits_s = write(client)

    tokens = [parameters["ClientRequestToken"] for _, parameters in client.calls]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1, "else a write with a lost response would conflict with itself"
    assert len(waits_s) == 1


def test_different_writes_have_different_tokens() -> None:
    client = ScriptedClient({}, {})
    write(client)
    write(client)

    assert len({parameters["ClientRequestToken"] for _, parameters in client.calls}) == 2


def test_a_lasting_failure_is_given_up() -> None:
    client = ScriptedClient(*[cancelled("TransactionConflict", "None", "None")] * ATTEMPTS)

    with pytest.raises(StoreBusy) as busy:
        write(client)
    assert busy.value.reasons == ("TransactionConflict",)
    assert len(client.calls) == ATTEMPTS


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("ConditionalCheckFailed", "None", "None"), VersionConflict),
        (("None", "None", "ConditionalCheckFailed"), TruckFull),
        (("ConditionalCheckFailed", "None", "ConditionalCheckFailed"), VersionConflict),
        # The caller must decide again: a retry of the same write could only fail again.
        (("ConditionalCheckFailed", "TransactionConflict", "None"), VersionConflict),
    ],
)
def test_a_failed_condition_raises_the_error_of_its_write(
    codes: tuple[str, ...], expected: type[Exception]
) -> None:
    client = ScriptedClient(cancelled(*codes))

    with pytest.raises(expected) as raised:
        write(client)
    assert isinstance(raised.value.__cause__, ClientError)
    assert len(client.calls) == 1


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDeniedException"),
        cancelled("None", "ValidationError", "None"),
        cancelled("None", "ValidationError", "TransactionConflict"),
        cancelled("None", "ConditionalCheckFailed", "None"),  # of a write without a condition
        cancelled(),
    ],
)
def test_any_other_error_is_raised_unchanged_at_once(error: Any) -> None:
    client = ScriptedClient(error)

    with pytest.raises(ClientError) as raised:
        write(client)
    assert raised.value is error
