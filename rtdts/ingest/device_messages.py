"""A record of the small stream in front of the main one: a message of a truck, as a rule wrote it.

AWS IoT Core's rule (`deploy/terraform/modules/iot_ingest/rules/telemetry.sql`) writes one for each
message; the replay of what it could not write puts the same.
"""

from __future__ import annotations

from typing import Final

import msgspec

_GZIP_MAGIC: Final = b"\x1f\x8b"
"""How each gzip file begins, and no JSON document."""


class DeviceMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    truck_id: str
    """By the topic, on which no other truck can publish; never by what is in the message."""
    received_at_ms: int
    """When AWS received it."""
    payload: bytes
    """As the truck sent it, base64 in the record: also what is not JSON."""

    @property
    def content_type(self) -> str:
        """What the payload is; MQTT 3.1.1 has no field in which a truck could say so."""
        return "application/gzip" if self.payload.startswith(_GZIP_MAGIC) else ""


class BrokenRecordError(Exception):
    """The record is no message as the rule writes one."""


_DECODER: Final = msgspec.json.Decoder(DeviceMessage)
_ENCODER: Final = msgspec.json.Encoder()


def decode_message(data: bytes) -> DeviceMessage:
    """Reads a record.

    Raises:
        BrokenRecordError: It is none.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenRecordError(str(error)) from error


def encode_message(message: DeviceMessage) -> bytes:
    """Writes a record."""
    return _ENCODER.encode(message)
