"""Cursors: where the next page of a list begins, as opaque text.

A cursor names a position in a list, not the list itself: the owner of the listed deliveries is
always taken from the request and its token, so a forged cursor gains nothing. The check in it finds
mistakes: a cursor of another list, or a truncated one, is reported instead of used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from rtdts.delivery_store.deliveries import ListPosition
from rtdts.tracking.identifiers import Identifier


class InvalidCursor(Exception):  # noqa: N818 - what it is, not an error of ours
    """The text is not a cursor of this list."""


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    # Bounded, since any client can forge one: DynamoDB rejects longer numbers and empty keys.
    created_at_ms: Annotated[int, Meta(ge=0, le=2**53)]
    delivery_id: Identifier
    check: str


def encode_cursor(position: ListPosition, list_name: str) -> str:
    """Encodes a position of a list as text that needs no escaping in a URL.

    Args:
        position: Where the page ended.
        list_name: Everything that identifies this list: owner and filter.
    """
    cursor = _Cursor(position.created_at_ms, position.delivery_id, _check(position, list_name))
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode_cursor(text: str, list_name: str) -> ListPosition:
    """Returns the position that a cursor of this list names.

    Raises:
        InvalidCursor: The text is not a cursor of this list.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidCursor from error
    position = ListPosition(created_at_ms=cursor.created_at_ms, delivery_id=cursor.delivery_id)
    if cursor.check != _check(position, list_name):
        raise InvalidCursor
    return position


def _check(position: ListPosition, list_name: str) -> str:
    text = f"{list_name}\n{position.created_at_ms}\n{position.delivery_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
