"""Parking: what can never be processed is kept, with its reason, where a person can look at it.

One faulty record must not stop those behind it, and nothing that was accepted may vanish. A
record's key is always the same, so parking it again after a crash changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Protocol

PREFIX = "rejected/"
# S3 takes 2 KB of metadata in all, of US-ASCII.
_MAX_DETAIL_CHARS = 1_000


class ObjectClient(Protocol):
    """What is used of the SDK's S3 client."""

    def put_object(self, **request: Any) -> Mapping[str, Any]:
        """``PutObject``."""
        ...


def stream_record_name(sequence_number: str, sub_sequence_number: int | None = None) -> str:
    """The name of what came out of the stream.

    Args:
        sequence_number: The Kinesis record's, with or without leading zeros.
        sub_sequence_number: The user record's; None for the Kinesis record as a whole.
    """
    number = sequence_number.lstrip("0") or "0"
    return number if sub_sequence_number is None else f"{number}.{sub_sequence_number}"


def delivery_events_name(delivery_id: str, version: int) -> str:
    """The name of events that a delivery's log refused.

    Args:
        delivery_id: The delivery.
        version: The first event's.
    """
    return f"delivery-{delivery_id}-{version}"


def content_name(body: bytes) -> str:
    """The name of what has none but its content."""
    return f"sha256-{sha256(body).hexdigest()}"


def message_name(truck_id: str | None, body: bytes) -> str:
    """The name of what came from a truck and never was in the stream.

    Args:
        truck_id: The truck; None when it is not known.
        body: As it came.
    """
    return f"message-{truck_id or ''}-{sha256(body).hexdigest()}"


class Parking:
    """Parks bytes in a bucket under ``rejected/``."""

    def __init__(self, client: ObjectClient, bucket: str) -> None:
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
        """Keep the body under ``rejected/{name}``, reason and detail as its metadata.

        Args:
            body: As it came.
            name: The same for the same record, always: `stream_record_name`,
                `delivery_events_name` or `content_name`.
            reason: A code.
            detail: What a person wants to know besides; cut to 1,000 characters.
            partition_key: With which it lay in the stream: whose it is, whatever is in it.

        Returns:
            The object's key.

        Raises:
            botocore.exceptions.ClientError: The bucket did not take it.
            botocore.exceptions.BotoCoreError: The bucket could not be reached.
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
        """Keep what a truck sent and no door could use, or not all of it.

        Args:
            payload: As the truck sent it.
            truck_id: The truck; None when it is not known.
            reason: A code.
            detail: As of `park`.

        Returns:
            The object's key.

        Raises:
            botocore.exceptions.ClientError: The bucket did not take it.
            botocore.exceptions.BotoCoreError: The bucket could not be reached.
        """
        return self.park(
            payload,
            name=message_name(truck_id, payload),
            reason=reason,
            detail=detail,
            partition_key=truck_id,
        )


def _ascii(text: str) -> str:
    """The text as a header can carry it; what it can't is written as an escape."""
    one_line = " ".join(text.split())
    cut = one_line.encode("ascii", "backslashreplace").decode()[:_MAX_DETAIL_CHARS]
    return cut.rstrip()  # a header loses the space at its end
