"""The format of Firehose's backup in S3. Pure.

Two folders of one bucket (`deploy/terraform/modules/system/raw_log.tf`):

- ``points/``: every record, unchanged. Firehose "concatenates data without any delimiters" (Amazon
  Data Firehose Developer Guide, "Understand data delivery"), after taking each record out of its
  aggregate ("Configure source settings for Kinesis Data Streams").
- ``failed/``: what OpenSearch did not accept, one JSON document each, with the record as base64
  (same guide, "Handle data delivery failures", OpenSearch Service).

An object's name contains the arrival time of its oldest record (same guide, "Configure Amazon S3
object name format"): ``points/2026/11/24/06/NAME-1-2026-11-24-06-52-48-UUID.gz``.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

POINTS_FOLDER = "points/"
FAILED_FOLDER = "failed/"

_GZIP_MAGIC = b"\x1f\x8b"
_TIME_IN_NAME = re.compile(r"-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[^/]*$")
_DECODER = json.JSONDecoder()


class BrokenObjectError(Exception):
    """An object can't be unpacked: it is cut off or corrupted."""


class FailedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document of ``failed/``: the fields used here, by Firehose's names."""

    rawData: str  # noqa: N815 - Firehose's
    esIndexName: str = ""  # noqa: N815 - Firehose's

    @property
    def record(self) -> bytes:
        """The record, as it was in the stream.

        Raises:
            ValueError: It isn't base64.
        """
        try:
            return base64.b64decode(self.rawData, validate=True)
        except binascii.Error as error:
            raise ValueError(f"rawData is not base64: {error}") from error


def arrived_at_ms(key: str) -> int | None:
    """Returns when an object's oldest record arrived, by its name; None for other names."""
    found = _TIME_IN_NAME.search(key)
    if found is None:
        return None
    try:
        at = datetime.strptime(found.group(1), "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp() * 1000)


def plain(body: bytes) -> bytes:
    """Returns an object's bytes, unpacked if they were packed.

    Raises:
        BrokenObjectError: They can't be unpacked.
    """
    if not body.startswith(_GZIP_MAGIC):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenObjectError(f"can't be unpacked: {error}") from error


def split_records(data: bytes) -> Iterator[bytes]:
    """Splits records that follow each other, with or without line breaks in between.

    A record is a JSON object. Anything between two records is yielded unchanged, as one piece:
    other writers may have put anything into the stream.
    """
    # Decoding and encoding again loses nothing, for any bytes.
    text = data.decode("utf-8", "surrogateescape")
    at = 0
    while at < len(text):
        end = _end_of_object(text, at)
        if end is None:
            end = text.find("{", at + 1)
            end = len(text) if end < 0 else end
        piece = text[at:end].strip(" \t\r\n")
        if piece:
            yield piece.encode("utf-8", "surrogateescape")
        at = end


def _end_of_object(text: str, at: int) -> int | None:
    if text[at] != "{":
        return None
    try:
        _, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None
    return end


def failed_documents(data: bytes) -> Iterator[FailedDocument | bytes]:
    """Yields the documents of an object of ``failed/``; anything else is yielded as bytes."""
    for piece in split_records(data):
        try:
            yield msgspec.json.decode(piece, type=FailedDocument)
        except msgspec.DecodeError:
            yield piece


def truck_of(record: bytes) -> str | None:
    """Returns the truck that a record names; None when it names none."""
    try:
        value: Any = json.loads(record)
    except (ValueError, RecursionError):
        return None
    named = value.get("truck_id") if isinstance(value, dict) else None
    return named if isinstance(named, str) else None


def is_about(record: bytes, truck_id: str) -> bool:
    """Returns whether a record names the truck or, if it names none, mentions its id."""
    named = truck_of(record)
    if named is not None:
        return named == truck_id
    alone = rb"(?<![A-Za-z0-9._-])" + re.escape(truck_id.encode()) + rb"(?![A-Za-z0-9._-])"
    return re.search(alone, record) is not None


def without_truck(key: str, body: bytes, truck_id: str) -> tuple[bytes, int]:
    """Returns an object without a truck's records.

    Args:
        key: The object's key, which names its folder.
        body: The object, packed or not.
        truck_id: The truck.

    Returns:
        The new object, packed as before, and how many records were removed. The bytes are unchanged
        when none was removed, and empty when nothing else was in the object.

    Raises:
        BrokenObjectError: It can't be unpacked.
    """
    data = plain(body)
    is_failed = key.startswith(FAILED_FOLDER)
    # Most objects contain nothing of most trucks, and searching costs a hundredth of parsing. But
    # an id may be written with escapes, and failed records are in base64.
    if not is_failed and truck_id.encode() not in data and b"\\u" not in data:
        return body, 0
    pieces = list(split_records(data))
    is_of_truck = _is_failed_about if is_failed else is_about
    kept = [piece for piece in pieces if not is_of_truck(piece, truck_id)]
    lost = len(pieces) - len(kept)
    if not lost:
        return body, 0
    joined = (b"\n" if is_failed else b"").join(kept)
    is_packed = body.startswith(_GZIP_MAGIC)
    return (gzip.compress(joined, mtime=0) if is_packed and kept else joined), lost


def _is_failed_about(piece: bytes, truck_id: str) -> bool:
    try:
        return is_about(msgspec.json.decode(piece, type=FailedDocument).record, truck_id)
    except (msgspec.DecodeError, ValueError):
        return is_about(piece, truck_id)
