from __future__ import annotations

import string

import pytest

from delivery_lambda.cursors import InvalidCursor, decode_cursor, encode_cursor
from rtdts.delivery_store.deliveries import ListPosition

POSITION = ListPosition(created_at_ms=1_795_504_200_312, delivery_id="D-1")
URL_SAFE = set(string.ascii_letters + string.digits + "-_")


def test_a_cursor_decodes_to_its_position() -> None:
    cursor = encode_cursor(POSITION, "customer=C-88&status=")

    assert decode_cursor(cursor, "customer=C-88&status=") == POSITION
    assert set(cursor) <= URL_SAFE


def test_a_cursor_of_another_list_is_rejected() -> None:
    cursor = encode_cursor(POSITION, "customer=C-88&status=")

    for other in ("customer=C-99&status=", "customer=C-88&status=failed", "truck=C-88&status="):
        with pytest.raises(InvalidCursor):
            decode_cursor(cursor, other)


@pytest.mark.parametrize("text", ["", "x", "bm8", "é", "W10", "WzEsImEiXQ", "=" * 9, "[1,2,3]"])
def test_junk_is_rejected(text: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(text, "list")


@pytest.mark.parametrize(
    "position",
    [
        ListPosition(created_at_ms=int("9" * 40), delivery_id="D-1"),
        ListPosition(created_at_ms=-1, delivery_id="D-1"),
        ListPosition(created_at_ms=1, delivery_id=""),
        ListPosition(created_at_ms=1, delivery_id="D" * 3_000),
    ],
    ids=lambda position: repr(position)[:60],
)
def test_a_cursor_that_dynamodb_would_reject_is_rejected_even_with_a_valid_checksum(
    position: ListPosition,
) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(encode_cursor(position, "list"), "list")


def test_a_cursor_cut_short_or_tampered_with_is_rejected() -> None:
    cursor = encode_cursor(POSITION, "list")

    for wrong in (cursor[:-1], cursor[:-8], cursor + "A", cursor.swapcase()):
        with pytest.raises(InvalidCursor):
            decode_cursor(wrong, "list")
