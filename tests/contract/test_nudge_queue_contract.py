"""What both `NudgeQueue` and its fake promise."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import boto3
import pytest

from rtdts.push_queue.fifo_queue import outgoing
from rtdts.push_queue.nudge_queue import NudgeQueue, ReceivedNudge
from rtdts.push_queue.nudges import (
    Nudge,
    PositionNudge,
    ShareNudge,
    SnapshotNudge,
    TransitionNudge,
)
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from sim.local_cloud.resources import CreatedResources
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.support.deliveries import unique

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Queue = NudgeQueue | FakeNudgeQueue


@pytest.fixture
def sqs_queue_url(aws_resources: CreatedResources) -> str:
    return aws_resources.queue_urls["nudges"]


@pytest.fixture
def dead_letters_url(aws_resources: CreatedResources) -> str:
    return aws_resources.dead_letter_urls["nudges"]


@pytest.fixture(params=["fake", "sqs"])
def queue(request: pytest.FixtureRequest) -> Queue:
    if request.param == "fake":
        return FakeNudgeQueue()
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("sqs", endpoint_url=request.getfixturevalue("aws_endpoint"))
    return NudgeQueue(
        client,
        request.getfixturevalue("sqs_queue_url"),
        dead_letters_url=request.getfixturevalue("dead_letters_url"),
    )


def drained(queue: Queue) -> list[Nudge]:
    nudges: list[Nudge] = []
    while received := queue.receive(wait_s=0):
        nudges += [one.message for one in received]
        assert queue.delete(received) == []
    return nudges


def test_every_kind_of_nudge_arrives_as_it_was_sent(queue: Queue) -> None:
    sent: list[Nudge] = [
        TransitionNudge(delivery_id=unique("D"), version=3),
        PositionNudge(delivery_id=unique("D"), event_at_ms=1_795_504_200_312),
        SnapshotNudge(
            delivery_id=unique("D"), connection_id="Kx=", request_id="R_-1=", since_version=2
        ),
        ShareNudge(delivery_id=unique("D"), share_id="0123456789abcdef"),
    ]
    for nudge in sent:
        queue.send(nudge)

    assert sorted(drained(queue), key=repr) == sorted(sent, key=repr)


def test_a_nudge_is_received_with_the_time_at_which_it_was_sent(queue: Queue) -> None:
    before_ms = wall_clock.now_ms()
    queue.send(TransitionNudge(delivery_id=unique("D"), version=1))
    after_ms = wall_clock.now_ms()
    (received,) = queue.receive(wait_s=0)
    queue.delete([received])

    assert before_ms <= received.sent_at_ms <= after_ms


def test_a_repeated_nudge_is_deduplicated(queue: Queue) -> None:
    nudge = TransitionNudge(delivery_id=unique("D"), version=1)
    queue.send(nudge)
    queue.send(nudge)

    assert drained(queue) == [nudge]
    queue.send(nudge)
    assert drained(queue) == []


def test_a_deliverys_nudges_arrive_in_order(queue: Queue) -> None:
    delivery_id = unique("D")
    sent = [TransitionNudge(delivery_id=delivery_id, version=n) for n in range(1, 26)]
    queue.send_many(sent)

    assert drained(queue) == sent


def test_no_other_nudge_of_a_delivery_is_received_while_one_is_being_handled(queue: Queue) -> None:
    delivery_id, other = unique("D"), unique("D")
    queue.send(TransitionNudge(delivery_id=delivery_id, version=1))
    (first,) = queue.receive(wait_s=0)
    queue.send(TransitionNudge(delivery_id=delivery_id, version=2))
    queue.send(TransitionNudge(delivery_id=other, version=1))
    meanwhile = queue.receive(wait_s=0)
    queue.delete([first])
    afterwards = queue.receive(wait_s=0)

    assert [one.message.delivery_id for one in meanwhile] == [other]
    assert [one.message for one in afterwards] == [
        TransitionNudge(delivery_id=delivery_id, version=2)
    ]
    queue.delete([*meanwhile, *afterwards])


def test_more_than_ten_nudges_can_be_deleted_at_once(queue: Queue) -> None:
    sent = [PositionNudge(delivery_id=unique("D"), event_at_ms=1) for _ in range(12)]
    queue.send_many(sent)
    received = [one for _ in range(2) for one in queue.receive(wait_s=0)]

    assert queue.delete(received) == []
    assert len(received) == 12
    assert drained(queue) == []


def test_sending_no_nudges_sends_no_message(queue: Queue) -> None:
    queue.send_many([])

    assert drained(queue) == []


def test_a_dead_letter_is_not_received_again_and_the_next_nudge_is(queue: Queue) -> None:
    delivery_id = unique("D")
    queue.send_many(TransitionNudge(delivery_id=delivery_id, version=n) for n in (1, 2))
    first, *_ = queue.receive(max_messages=1, wait_s=0)
    queue.dead_letter(first)

    assert drained(queue) == [TransitionNudge(delivery_id=delivery_id, version=2)]


def dead_letters_of(client: SQSClient, url: str, group_id: str) -> list[str]:
    """Deletes a group's dead letters, and returns their bodies."""
    bodies = []
    while messages := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
    ).get("Messages"):
        for one in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            if one["Attributes"]["MessageGroupId"] == group_id:
                bodies.append(one["Body"])
    return bodies


def test_a_dead_letter_is_in_the_dead_letter_queue(
    aws_endpoint: str, aws_session: boto3.Session, sqs_queue_url: str, dead_letters_url: str
) -> None:
    client = aws_session.client("sqs", endpoint_url=aws_endpoint)
    queue = NudgeQueue(client, sqs_queue_url, dead_letters_url=dead_letters_url)
    nudge = TransitionNudge(delivery_id=unique("D"), version=1)
    queue.send(nudge)
    (received,) = queue.receive(wait_s=0)
    queue.dead_letter(received)

    assert dead_letters_of(client, dead_letters_url, nudge.delivery_id) == [outgoing(nudge).body]


TOO_LARGE = SnapshotNudge(
    delivery_id="D-1", connection_id="c", request_id="r", since_version=int("9" * 40)
)


def test_a_malformed_nudge_is_dead_lettered_and_logged_and_delays_no_other(
    aws_endpoint: str, aws_session: boto3.Session, sqs_queue_url: str, dead_letters_url: str
) -> None:
    client = aws_session.client("sqs", endpoint_url=aws_endpoint)
    log = io.StringIO()
    queue = NudgeQueue(
        client, sqs_queue_url, dead_letters_url=dead_letters_url, log=Logger("test", log)
    )
    delivery_id = unique("D")
    bodies = ["not JSON", '{"type":"unknown"}', '{"type":"transition"}', outgoing(TOO_LARGE).body]
    for number, body in enumerate(bodies):
        client.send_message(
            QueueUrl=sqs_queue_url,
            MessageBody=body,
            MessageGroupId=delivery_id,
            MessageDeduplicationId=f"{delivery_id}-{number}",
        )
    good = TransitionNudge(delivery_id=delivery_id, version=1)
    queue.send(good)

    assert drained(queue) == [good]
    events = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["malformed_nudge"] * 4
    assert {event["level"] for event in events} == {"error"}
    assert dead_letters_of(client, dead_letters_url, delivery_id) == bodies


def test_a_nudge_that_is_not_deleted_is_received_again(queue: Queue) -> None:
    nudge = TransitionNudge(delivery_id=unique("D"), version=1)
    queue.send(nudge)
    (first,) = queue.receive(wait_s=0)
    if isinstance(queue, FakeNudgeQueue):
        queue.end_visibility_timeouts()
    again: list[ReceivedNudge] = queue.receive(wait_s=8)  # longer than the visibility timeout

    assert [one.message for one in again] == [nudge]
    assert again[0].receipt_handle != first.receipt_handle
    queue.delete(again)
