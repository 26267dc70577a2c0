"""What an emulator that never fails in part can't show of `RoundQueue`."""

from __future__ import annotations

from typing import Any

import pytest

from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.fifo_queue import MessagesNotSent
from rtdts.push_queue.round_queue import ReceivedBucket, RoundQueue
from tests.fakes.scripted_client import ScriptedClient

URL = "http://queue"


def queue_on(client: ScriptedClient) -> RoundQueue:
    return RoundQueue(client, URL, sleep=lambda _: None)


def due(count: int) -> list[DueBucket]:
    return [DueBucket(bucket=bucket, due_at_ms=60_000) for bucket in range(count)]


def received(count: int) -> list[ReceivedBucket]:
    return [
        ReceivedBucket(message=one, receipt_handle=f"receipt-{one.bucket}", sent_at_ms=0)
        for one in due(count)
    ]


def failed(*numbers: int, sender_fault: bool = False) -> dict[str, Any]:
    code = "ReceiptHandleIsInvalid" if sender_fault else "ServiceUnavailable"
    return {"Failed": [{"Id": str(n), "Code": code, "SenderFault": sender_fault} for n in numbers]}


def test_a_bucket_has_its_own_group_and_the_same_deduplication_id_from_every_sender() -> None:
    client = ScriptedClient({})
    queue_on(client).send_many(due(3)[2:])
    ((_, request),) = client.calls

    assert request["QueueUrl"] == URL
    assert request["Entries"] == [
        {
            "Id": "0",
            "MessageBody": '{"bucket":2,"due_at_ms":60000,"later_ms":0}',
            "MessageGroupId": "2",
            "MessageDeduplicationId": "2:60000",
        }
    ]


def test_up_to_ten_buckets_are_sent_per_request_and_only_failed_ones_again() -> None:
    client = ScriptedClient({}, failed(12), {})
    queue_on(client).send_many(due(13))

    sent = [[one["MessageGroupId"] for one in request["Entries"]] for _, request in client.calls]
    assert [len(batch) for batch in sent] == [10, 3, 1]
    assert sent[2] == ["12"]


def test_permanently_rejected_messages_are_reported_after_the_others_were_sent() -> None:
    client = ScriptedClient(failed(3, sender_fault=True), {})

    with pytest.raises(MessagesNotSent) as rejected:
        queue_on(client).send_many(due(11))
    assert [one.bucket for one in rejected.value.messages] == [3]
    assert len(client.calls) == 2


def test_buckets_that_another_broadcaster_has_received_are_reported_per_request() -> None:
    client = ScriptedClient(failed(4, sender_fault=True), failed(1, sender_fault=True))
    codes = queue_on(client).delete(received(12))

    assert codes == ["ReceiptHandleIsInvalid"] * 2
    assert [len(request["Entries"]) for _, request in client.calls] == [10, 2]


@pytest.mark.parametrize(("method", "seconds"), [("extend", 10), ("release", 0)])
def test_extending_renews_the_visibility_timeout_and_releasing_ends_it_at_once(
    method: str, seconds: int
) -> None:
    client = ScriptedClient({})
    getattr(queue_on(client), method)(received(2))
    ((operation, request),) = client.calls

    assert operation == "change_message_visibility_batch"
    assert [one["VisibilityTimeout"] for one in request["Entries"]] == [seconds] * 2
