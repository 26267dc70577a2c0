"""A record of the device stream: one truck's message, on its way to the main stream.

AWS IoT Core's rule (`deploy/terraform/modules/iot_ingest/rules/telemetry.sql`) writes one record
per message; a replay of what it could not write puts records of the same form.
"""

from __future__ import annotations

from typing import Final

import msgspec

_GZIP_MAGIC: Final = b"\x1f\x8b"
"""The first bytes of every gzip file, and of no JSON document."""


class DeviceMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One truck's message."""

    truck_id: str
    """Taken from the topic, on which no other truck can publish; never from the message itself."""
    received_at_ms: int
    """When AWS received it."""
    payload: bytes
    """The message as the truck sent it, which may not be JSON; base64 in the record."""

    @property
    def content_type(self) -> str:
        """The payload's type; MQTT 3.1.1 has no field in which a truck could declare it."""
        return "application/gzip" if self.payload.startswith(_GZIP_MAGIC) else ""


class BrokenRecordError(Exception):
    """The record is not a message as the rule writes it."""


_DECODER: Final = msgspec.json.Decoder(DeviceMessage)
_ENCODER: Final = msgspec.json.Encoder()


def decode_message(data: bytes) -> DeviceMessage:
    """Decodes a record.

    Raises:
        BrokenRecordError: It is not a message.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenRecordError(str(error)) from error


def encode_message(message: DeviceMessage) -> bytes:
    """Encodes a record."""
    return _ENCODER.encode(message)
