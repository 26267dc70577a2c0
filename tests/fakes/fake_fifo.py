"""SQS's limits for the fakes of both queues."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TypeVar

from rtdts.push_queue.fifo_queue import Outgoing
from tests.fakes.aws_limits import SQS_FIFO_LOOK_AHEAD, breach
from tests.fakes.scripted_client import client_error

T = TypeVar("T")


def take(message: Outgoing) -> None:
    """Rejects a message that SQS would reject.

    Raises:
        botocore.exceptions.ClientError: It is too large, or one of its ids too long.
    """
    code = breach(
        "send_message",
        {
            "MessageBody": message.body,
            "MessageGroupId": message.group_id,
            "MessageDeduplicationId": message.deduplication_id,
        },
    )
    if code:
        raise client_error(code)


def looked_at(kept: Iterable[T], max_messages: int) -> list[T]:
    """Returns the messages, in flight or not, that a poll searches, oldest first.

    Raises:
        botocore.exceptions.ClientError: A poll can't return this many messages.
    """
    if code := breach("receive_message", {"MaxNumberOfMessages": max_messages}):
        raise client_error(code)
    return list(itertools.islice(kept, SQS_FIFO_LOOK_AHEAD))
