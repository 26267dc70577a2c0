"""What an emulator that never fails in part can't show of `NudgeQueue`."""

from __future__ import annotations

from typing import Any

import pytest

from rtdts.push_queue.fifo_queue import MessagesNotSent
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.push_queue.nudges import PositionNudge, ShareNudge, SnapshotNudge, TransitionNudge
from rtdts.tracking.topics import socket_endpoint
from tests.fakes.scripted_client import ScriptedClient

URL = "http://queue"


def nudges(count: int) -> list[TransitionNudge]:
    return [TransitionNudge(delivery_id=f"D-{n}", version=1) for n in range(count)]


def failed(*numbers: int, sender_fault: bool = False) -> dict[str, Any]:
    code = "InvalidParameterValue" if sender_fault else "ServiceUnavailable"
    return {"Failed": [{"Id": str(n), "Code": code, "SenderFault": sender_fault} for n in numbers]}


def queue_on(client: ScriptedClient) -> NudgeQueue:
    return NudgeQueue(client, URL, sleep=lambda _: None)


def sent(client: ScriptedClient) -> list[list[str]]:
    return [
        [entry["MessageGroupId"] for entry in parameters["Entries"]]
        for _, parameters in client.calls
    ]


def test_up_to_ten_nudges_are_sent_per_request() -> None:
    client = ScriptedClient({}, {}, {})
    queue_on(client).send_many(nudges(21))

    assert [len(batch) for batch in sent(client)] == [10, 10, 1]


def test_only_failed_nudges_are_sent_again() -> None:
    client = ScriptedClient(failed(1, 2), failed(2), {})
    queue_on(client).send_many(nudges(3))

    assert sent(client) == [["D-0", "D-1", "D-2"], ["D-1", "D-2"], ["D-2"]]


def test_permanently_rejected_messages_are_reported_after_the_others_were_sent() -> None:
    client = ScriptedClient(failed(0, sender_fault=True), {})

    with pytest.raises(MessagesNotSent) as rejected:
        queue_on(client).send_many(nudges(11))
    assert [nudge.delivery_id for nudge in rejected.value.messages] == ["D-0"]
    assert rejected.value.codes == ("InvalidParameterValue",)
    assert [len(batch) for batch in sent(client)] == [10, 1]


def test_messages_that_fail_repeatedly_are_given_up_and_reported() -> None:
    client = ScriptedClient(*[failed(0)] * 4)

    with pytest.raises(MessagesNotSent) as rejected:
        queue_on(client).send_many(nudges(1))
    assert rejected.value.codes == ("ServiceUnavailable",)


def test_a_repeated_nudge_is_sent_once() -> None:
    client = ScriptedClient({})
    queue_on(client).send_many([*nudges(2), *nudges(2)])

    assert sent(client) == [["D-0", "D-1"]]


@pytest.mark.parametrize(
    ("nudge", "group", "identity"),
    [
        (TransitionNudge(delivery_id="D-1", version=3), "D-1", "t:D-1:3"),
        (
            PositionNudge(delivery_id="D-1", event_at_ms=1_795_504_200_999),
            "D-1",
            "p:D-1:1795504200",
        ),
        (
            SnapshotNudge(delivery_id="D-1", connection_id="Kx=", request_id="R="),
            "Kx=:D-1",
            "s:Kx=:R=",
        ),
        (ShareNudge(delivery_id="D-1", share_id="0a"), "D-1:0a", "r:D-1:0a"),
    ],
)
def test_a_nudge_has_its_message_group_and_its_own_deduplication_id(
    nudge: Any, group: str, identity: str
) -> None:
    client = ScriptedClient({})
    queue_on(client).send(nudge)
    ((_, message),) = client.calls

    assert message["MessageGroupId"] == group
    assert message["MessageDeduplicationId"] == identity
    assert message["QueueUrl"] == URL


def test_a_snapshot_nudge_is_decoded_from_the_format_that_every_version_has_written() -> None:
    nudge = NudgeQueue.decoder.decode(
        '{"type":"snapshot","delivery_id":"D-1","connection_id":"Kx=","request_id":"R=",'
        '"since_version":2,"subscribed_at_ms":1795504200999}'
    )

    assert isinstance(nudge, SnapshotNudge)
    assert (nudge.endpoint, nudge.since_version) == (socket_endpoint("Kx="), 2)
