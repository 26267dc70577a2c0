"""docs/capacity.md shows what the command calculates."""

from __future__ import annotations

import pytest

from tests.support.capacity_document import DOCUMENT, TABLES, write_tables


def test_the_tables_in_the_document_are_up_to_date() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert write_tables(text) == text, (
        "to renew the tables: python -m tests.support.capacity_document"
    )


def test_a_table_without_a_place_in_the_document_is_reported() -> None:
    with pytest.raises(ValueError, match="no place for the table fleets"):
        write_tables("")


def test_every_row_has_as_many_cells_as_the_header() -> None:
    for rows in map(list, (table() for table in TABLES.values())):
        assert {len(row) for row in rows} == {len(rows[0])}
