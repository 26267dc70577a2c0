"""Parking: a record that can never be processed is kept, with its reason, for an operator.

One invalid record must not block those after it, and nothing that was accepted may be lost. The key
of a single record is always the same, so parking it again after a crash changes nothing. The key of
an object of several messages or points depends on which of them share it. A message that is
delivered again after a crash may be parked with others, and so a second time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "rejected/"
OVER_QUOTA: Final = "over_quota"
"""Reason of an object that holds points of a truck over its quota, as they would be in the stream,
one per line."""
SEVERAL: Final = "several_messages"
"""Reason of an object that holds several messages, each with its own reason."""
# S3 limits all metadata to 2 KB of US-ASCII.
_MAX_DETAIL_CHARS = 1_000


def stream_record_name(sequence_number: str, sub_sequence_number: int | None = None) -> str:
    """Returns the name of a record from the stream.

    Args:
        sequence_number: The Kinesis record's, with or without leading zeros.
        sub_sequence_number: The user record's; None for the Kinesis record as a whole.
    """
    number = sequence_number.lstrip("0") or "0"
    return number if sub_sequence_number is None else f"{number}.{sub_sequence_number}"


def delivery_events_name(delivery_id: str, version: int) -> str:
    """Returns the name of events that a delivery's log rejected."""
    return f"delivery-{delivery_id}-{version}"


def message_name(truck_id: str | None, body: bytes) -> str:
    """Returns the name of a truck's message that was never in the stream.

    Args:
        truck_id: The truck; None when it is not known.
        body: The message as received.
    """
    return f"message-{truck_id or ''}-{sha256(body).hexdigest()}"


class UnusableMessage(NamedTuple):
    """A truck's message of which some or all could not be used."""

    payload: bytes
    """The message as the truck sent it."""
    reason: str
    """A code for the reason."""
    detail: str
    """Further information for an operator."""


class Parking:
    """Parks bytes in a bucket under ``rejected/``.

    Every method returns the object's key. It raises ``botocore.exceptions.ClientError`` or
    ``BotoCoreError`` when the bucket rejects or can't be reached.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def park(
        self,
        body: bytes,
        *,
        name: str,
        reason: str,
        detail: str = "",
        partition_key: str | None = None,
    ) -> str:
        """Stores the body under ``rejected/{name}``, with reason and detail as its metadata.

        Args:
            body: The body as received.
            name: Always the same for the same record: `stream_record_name`, `delivery_events_name`
                or `message_name`.
            reason: A code.
            detail: Further information for an operator; cut to 1,000 characters.
            partition_key: The record's partition key in the stream. It names the truck, whatever
                the content is.
        """
        key = f"{PREFIX}{name}"
        metadata = {"reason": _ascii(reason), "detail": _ascii(detail)}
        if partition_key is not None:
            metadata["partition-key"] = _ascii(partition_key)
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ContentType="application/octet-stream",
            Metadata=metadata,
        )
        return key

    def park_message(
        self, payload: bytes, *, truck_id: str | None, reason: str, detail: str
    ) -> str:
        """Stores a truck's message of which some or all could not be used.

        Args:
            payload: As the truck sent it.
            truck_id: The truck; None when it is not known.
            reason: A code.
            detail: As in `park`.
        """
        return self.park(
            payload,
            name=message_name(truck_id, payload),
            reason=reason,
            detail=detail,
            partition_key=truck_id,
        )

    def park_messages(self, messages: Sequence[UnusableMessage], *, truck_id: str | None) -> str:
        """Stores some messages of one truck, several as one object.

        An object of several messages has one JSON document per line, with reason, detail and the
        payload as base64.

        Args:
            messages: At least one.
            truck_id: The truck; None when it is not known.
        """
        if len(messages) == 1:
            payload, reason, detail = messages[0]
            return self.park_message(payload, truck_id=truck_id, reason=reason, detail=detail)
        documents = [
            {**one._asdict(), "payload": base64.b64encode(one.payload).decode()} for one in messages
        ]
        return self.park_message(
            "\n".join(map(json.dumps, documents)).encode(),  # `several_payloads` reads it
            truck_id=truck_id,
            reason=SEVERAL,
            detail=f"{len(messages)} messages, one JSON document per line",
        )

    def park_points(self, payloads: Sequence[bytes], *, truck_id: str) -> str:
        """Stores points that a truck sent beyond its quota, as one object.

        Args:
            payloads: As they would be in the stream: single-line JSON.
            truck_id: The truck.
        """
        body = b"\n".join(payloads)
        return self.park(
            body,
            name=f"over-quota-{truck_id}-{sha256(body).hexdigest()}",
            reason=OVER_QUOTA,
            detail=f"{len(payloads)} points",
            partition_key=truck_id,
        )


def several_payloads(body: bytes) -> list[bytes]:
    """Returns the payloads in an object of several messages, as the truck sent them."""
    return [base64.b64decode(json.loads(line)["payload"]) for line in body.splitlines()]


def _ascii(text: str) -> str:
    """Converts a text to US-ASCII for a header; other characters are escaped."""
    one_line = " ".join(text.split())
    cut = one_line.encode("ascii", "backslashreplace").decode()[:_MAX_DETAIL_CHARS]
    return cut.rstrip()  # a header loses trailing spaces
