"""Splits aggregated records (`rtdts.telemetry_stream.aggregation`) as the KCL and Firehose do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rtdts.telemetry_stream.aggregation import DIGEST_BYTES, MAGIC, digest

# Protobuf's wire types (protobuf.dev, "Encoding").
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}
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
    if digest(message) != data[-DIGEST_BYTES:]:
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
