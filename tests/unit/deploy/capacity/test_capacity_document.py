"""docs/capacity.md shows what the command calculates."""

from __future__ import annotations

import pytest

from tests.support.capacity_document import DOCUMENT, TABLES, write_tables


def test_its_tables_are_those_that_are_calculated() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert write_tables(text) == text, (
        "to renew the tables: python -m tests.support.capacity_document"
    )


def test_a_table_without_its_place_is_reported() -> None:
    with pytest.raises(ValueError, match="no place for the table fleets"):
        write_tables("")


def test_every_row_has_as_many_cells_as_the_head() -> None:
    for rows in map(list, (table() for table in TABLES.values())):
        assert {len(row) for row in rows} == {len(rows[0])}
