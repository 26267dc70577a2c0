"""The KPL's aggregated record format: many user records inside one Kinesis record.

A Kinesis record is costly and limited in number long before its bytes matter; the KCL and Firehose
split aggregates by themselves. The format (from the KPL's ``aggregation-format.md``)::

    F3 89 9A C2 | protobuf message | md5 of the message

    message AggregatedRecord {
      repeated string partition_key_table     = 1;
      repeated string explicit_hash_key_table = 2;
      repeated Record records                 = 3;
    }
    message Record {
      required uint64 partition_key_index     = 1;
      optional uint64 explicit_hash_key_index = 2;
      required bytes  data                    = 3;
      repeated Tag    tags                    = 4;
    }

Our aggregates hold one partition key only, the one that they are put with: the KCL silently
discards an aggregate in which one key hashes outside its shard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import md5
from typing import NamedTuple

MAGIC = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES = 16

# Protobuf's wire types (protobuf.dev, "Encoding").
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}
_KEY_TABLE_TAG = b"\x0a"  # field 1, length-delimited
_RECORD_TAG = b"\x1a"  # field 3, length-delimited
_RECORD_HEAD = b"\x08\x00\x1a"  # partition_key_index = 0, then field 3 (data), length-delimited
_MAX_VARINT_BYTES = 10


class CorruptAggregateError(Exception):
    """An aggregate with a valid digest and form names a partition key that is not in its table.

    The KCL logs this and loses the records from there on; with a Java that has no JAXB (from 11 on,
    unless its API is on the class path) even writing that log line throws.
    """


class UserRecord(NamedTuple):
    """One user record, as the KCL returns it."""

    partition_key: str
    data: bytes
    sub_sequence_number: int


class _MalformedMessageError(Exception):
    """The bytes are not the protobuf message: the record is a plain one."""


def aggregate(partition_key: str, payloads: Sequence[bytes]) -> bytes:
    """Puts the payloads, in their order, into one aggregated record of one partition key.

    Its size is at most ``aggregated_size`` of the same arguments.
    """
    key = partition_key.encode()
    parts = [_KEY_TABLE_TAG, _varint(len(key)), key]
    for payload in payloads:
        size = len(payload)
        head = _RECORD_HEAD + _varint(size)
        parts += (_RECORD_TAG, _varint(len(head) + size), head, payload)
    message = b"".join(parts)
    return b"".join((MAGIC, message, _digest(message)))


def aggregated_size(partition_key: str, payload_sizes: Sequence[int]) -> int:
    """Returns an upper bound of the size in bytes of the aggregate of payloads of these sizes."""
    # A tag and three varints of at most 5 bytes (sizes below 2**35) around each payload.
    fixed = len(MAGIC) + DIGEST_BYTES + 6 + len(partition_key.encode())
    return fixed + sum(payload_sizes) + 14 * len(payload_sizes)


def deaggregate(data: bytes, partition_key: str) -> list[UserRecord]:
    """Splits a Kinesis record into its user records, as the KCL would.

    Args:
        data: The Kinesis record's data.
        partition_key: The Kinesis record's partition key.

    Returns:
        The user records with their own partition keys, in order; only the record itself when it is
        not an aggregate: without the magic, with a wrong digest, or not the message.

    Raises:
        CorruptAggregateError: A record names a key outside the aggregate's table.
    """
    if not data.startswith(MAGIC) or len(data) <= len(MAGIC) + DIGEST_BYTES:
        return [UserRecord(partition_key, data, 0)]
    message = data[len(MAGIC) : -DIGEST_BYTES]
    if _digest(message) != data[-DIGEST_BYTES:]:
        return [UserRecord(partition_key, data, 0)]
    try:
        keys, entries = _read_aggregate(message)
    except _MalformedMessageError:
        return [UserRecord(partition_key, data, 0)]
    try:
        return [
            UserRecord(keys[key_index], payload, sub_sequence_number)
            for sub_sequence_number, (key_index, payload) in enumerate(entries)
        ]
    except IndexError as error:
        raise CorruptAggregateError("a record names a key outside the table") from error


def _read_aggregate(message: bytes) -> tuple[list[str], list[tuple[int, bytes]]]:
    keys: list[str] = []
    entries: list[tuple[int, bytes]] = []
    for field, value in _fields(message):
        if field == 1 and isinstance(value, bytes):
            keys.append(value.decode(errors="replace"))
        elif field == 3 and isinstance(value, bytes):
            entries.append(_read_record(value))
    return keys, entries


def _read_record(message: bytes) -> tuple[int, bytes]:
    key_index: int | None = None
    payload: bytes | None = None
    for field, value in _fields(message):
        if field == 1 and isinstance(value, int):
            key_index = value
        elif field == 3 and isinstance(value, bytes):
            payload = value
    if key_index is None or payload is None:
        raise _MalformedMessageError
    return key_index, payload


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields the fields of a protobuf message in their order, without those of fixed size."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _read_varint(message, at)
        field, wire_type = tag >> 3, tag & 7
        if field == 0:
            raise _MalformedMessageError
        if wire_type == _VARINT:
            value, at = _read_varint(message, at)
            yield field, value
        elif wire_type == _LENGTH_DELIMITED:
            size, at = _read_varint(message, at)
            if at + size > end:
                raise _MalformedMessageError
            yield field, message[at : at + size]
            at += size
        elif wire_type in _FIXED_SIZES:
            at += _FIXED_SIZES[wire_type]
            if at > end:
                raise _MalformedMessageError
        else:
            raise _MalformedMessageError


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(message[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise _MalformedMessageError


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _digest(message: bytes) -> bytes:
    return md5(message, usedforsecurity=False).digest()  # the format's checksum, no secret
