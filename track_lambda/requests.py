"""Parses requests once, at the edge."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import struct
from collections.abc import Mapping
from typing import Any, Final

from rtdts.tracking.identifiers import ID_FORM, is_identifier
from rtdts.tracking.instants import MS_PER_DAY, parse_instant

MAX_INTERVAL_MS: Final = MS_PER_DAY
"""A longer interval takes several requests: a search must end in time."""

_CURSOR = struct.Struct(">q8s")


class InvalidRequest(Exception):  # noqa: N818 - what it is, not an error of ours
    """The request can't be understood.

    Attributes:
        field: The invalid part.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(f"{field}: {reason}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interval:
    """A truck and an interval (the end is exclusive), and where the page begins."""

    truck_id: str
    from_ms: int
    to_ms: int
    page_from_ms: int

    def cursor(self, next_from_ms: int) -> str:
        """Encodes a position in this interval as text that needs no escaping in a URL."""
        raw = _CURSOR.pack(next_from_ms, _check(self, next_from_ms))
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def parse_interval(event: Mapping[str, Any]) -> Interval:
    """Parses the interval that a request names.

    Raises:
        InvalidRequest: The interval is missing or too long, or the cursor is not of this interval.
    """
    truck_id = (event.get("pathParameters") or {}).get("truck_id", "")
    if not is_identifier(truck_id):
        raise InvalidRequest("truck_id", f"must match {ID_FORM}")
    query = event.get("queryStringParameters") or {}
    from_ms, to_ms = _instant(query, "from"), _instant(query, "to")
    if to_ms <= from_ms:
        raise InvalidRequest("to", "must be after from")
    if to_ms - from_ms > MAX_INTERVAL_MS:
        raise InvalidRequest("to", "must be within 24 hours of from; request more in several calls")
    requested = Interval(truck_id=truck_id, from_ms=from_ms, to_ms=to_ms, page_from_ms=from_ms)
    cursor = query.get("cursor")
    if not cursor:
        return requested
    return dataclasses.replace(requested, page_from_ms=_decoded(cursor, requested))


def _decoded(cursor: str, of: Interval) -> int:
    wrong = InvalidRequest("cursor", "is not a cursor of this track")
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        at_ms, check = _CURSOR.unpack(raw)
    except (binascii.Error, ValueError, struct.error) as error:
        raise wrong from error
    # The check only finds mistakes; a forged cursor gains nothing.
    if check != _check(of, at_ms) or not of.from_ms <= at_ms < of.to_ms:
        raise wrong
    return int(at_ms)


def _check(of: Interval, at_ms: int) -> bytes:
    text = f"{of.truck_id}\n{of.from_ms}\n{of.to_ms}\n{at_ms}"
    return hashlib.sha256(text.encode()).digest()[:8]


def _instant(query: Mapping[str, str], name: str) -> int:
    text = query.get(name)
    if not text:
        raise InvalidRequest(name, "is required")
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidRequest(name, str(error)) from error
