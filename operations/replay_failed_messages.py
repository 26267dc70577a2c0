"""`replay-failed-messages`: puts messages that AWS IoT Core's rule could not write into its stream.

A message is deleted from the queue only when the stream has it: after a crash in between it is put
twice, which is recognised by its points' ids. A message that names no truck stays in the queue.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from operations.console import Console
from operations.rate_limiter import RateLimiter
from rtdts.ingest.device_messages import DeviceMessage, encode_message
from rtdts.telemetry_stream.device_stream import DeviceRecord, DeviceStream
from rtdts.telemetry_stream.failed_messages import FailedMessage
from rtdts.tracking.identifiers import ID_FORM

_TOPIC: Final = re.compile(rf"(?:\$aws/rules/[^/]+/)?trucks/({ID_FORM})/telemetry")
"""A truck's topic, with basic ingest's prefix or without it."""


class _ErrorDocument(msgspec.Struct, frozen=True):
    """An error action's message: "Error action message format", AWS IoT Developer Guide."""

    topic: str
    base64OriginalPayload: bytes  # noqa: N815 - AWS's name; msgspec decodes base64


_DOCUMENT: Final = msgspec.json.Decoder(_ErrorDocument)


class FailedMessageQueue(Protocol):
    """See `rtdts.telemetry_stream.failed_messages.FailedMessages`."""

    def receive(self) -> Sequence[FailedMessage]:
        """Returns some messages; none when the queue is empty."""

    def delete(self, messages: Sequence[FailedMessage]) -> None:
        """Deletes messages of one receive call."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailedMessageStores:
    """The source and target of the messages."""

    queue: FailedMessageQueue
    stream: DeviceStream


@dataclasses.dataclass(kw_only=True)
class MessageReplay:
    """The result of a replay."""

    replayed: int = 0
    kept: int = 0
    """Messages that are not a truck's."""
    failed: Counter[str] = dataclasses.field(default_factory=Counter)
    """Messages that the stream did not accept, by its error code; they stay in the queue, too."""


def replay_failed_messages(
    stores: FailedMessageStores, rate_limiter: RateLimiter, console: Console
) -> MessageReplay:
    """Replays the queue's messages, until it is empty or the stream accepts no more.

    Args:
        stores: The queue and the stream.
        rate_limiter: Limits the rate.
        console: Where each message that stays is reported.
    """
    report = MessageReplay()
    seen: set[str] = set()
    while received := stores.queue.receive():
        fresh = [one for one in received if one.message_id not in seen]
        seen.update(one.message_id for one in fresh)
        records: list[tuple[FailedMessage, DeviceRecord]] = []
        for message in fresh:
            record = _record_of(message)
            if record is None:
                report.kept += 1
                console.print_line(f"stays: {message.message_id}: not a truck's message")
            else:
                records.append((message, record))
        if records:
            _put(records, stores, rate_limiter, report)
        if report.failed or not fresh:
            break  # better to retry later than at once; or all that is left has been checked
        console.progress(f"{report.replayed} messages")
    return report


def _put(
    records: Sequence[tuple[FailedMessage, DeviceRecord]],
    stores: FailedMessageStores,
    rate_limiter: RateLimiter,
    report: MessageReplay,
) -> None:
    rate_limiter.wait_for(len(records))
    codes = stores.stream.put_messages([record for _, record in records])
    done = [message for (message, _), code in zip(records, codes, strict=True) if code is None]
    stores.queue.delete(done)
    report.replayed += len(done)
    report.failed.update(code for code in codes if code is not None)


def _record_of(failed: FailedMessage) -> DeviceRecord | None:
    """Returns the record that the rule would have written; None if it is not a truck's message."""
    try:
        document = _DOCUMENT.decode(failed.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    topic = _TOPIC.fullmatch(document.topic)
    if topic is None:
        return None
    message = DeviceMessage(
        truck_id=topic[1],
        received_at_ms=failed.sent_at_ms,
        payload=document.base64OriginalPayload,
    )
    return DeviceRecord(message.truck_id, encode_message(message))
