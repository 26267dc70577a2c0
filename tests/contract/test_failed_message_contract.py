"""What both `FailedMessages` and its fake promise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from rtdts.telemetry_stream.failed_messages import MAX_RECEIVED, FailedMessages
from tests.fakes.fake_failed_messages import FakeFailedMessages
from tests.support.deliveries import unique

Store = FailedMessages | FakeFailedMessages
Send = Callable[[str], object]


@pytest.fixture(params=["fake", "sqs"])
def queue(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Send]]:
    if request.param == "fake":
        fake = FakeFailedMessages()
        yield fake, lambda body: fake.send(body, sent_at_ms=int(time.time() * 1_000))
        return
    session: boto3.Session = request.getfixturevalue("aws_session")
    client: Any = session.client("sqs", endpoint_url=request.getfixturevalue("aws_endpoint"))
    url = client.create_queue(QueueName=unique("failed"))["QueueUrl"]
    yield (
        FailedMessages(client, url),
        lambda body: client.send_message(QueueUrl=url, MessageBody=body),
    )
    client.delete_queue(QueueUrl=url)


def test_messages_are_received_with_the_time_at_which_they_were_sent(
    queue: tuple[Store, Send],
) -> None:
    store, send = queue
    from_ms = int(time.time() * 1_000)
    send("one")
    (message,) = store.receive()

    assert message.body == "one"
    assert from_ms - 1 <= message.sent_at_ms <= time.time() * 1_000 + 1


def test_received_messages_are_invisible_and_deleted_ones_do_not_return(
    queue: tuple[Store, Send],
) -> None:
    store, send = queue
    for number in range(MAX_RECEIVED + 2):
        send(str(number))
    first, second = store.receive(), store.receive()
    store.delete(first)
    store.delete([])

    assert len(first) == MAX_RECEIVED
    assert {one.body for one in [*first, *second]} == set(map(str, range(MAX_RECEIVED + 2)))
    assert store.receive() == []
