"""What the demo shows and how it ends."""

from dataclasses import replace

import pytest
from rich.console import Console

from sim.drive.demo_view import DemoSummary, Row, line_of, page_lines, table_of, where_to_look
from sim.environment import Environment

ROW = Row("T-1", "Denver", "D-1", "nearby", 1.24, 10.0, 432.1, 60, 21, 3)
EMPTY = Row("T-2", "Munich", "", None, None, None, None, 0, 0, 0)
GOOD = DemoSummary(5, 5, 5, 210, 260, 20, 0, 1.31)


def test_the_table_shows_the_position_and_status_that_the_customer_received() -> None:
    console = Console(record=True, width=100)
    console.print(table_of([ROW, EMPTY], ["look there"], "title"))
    text = console.export_text()

    for shown in ("T-1", "nearby", "1.2", "36", "432", "look there", "msgs: messages"):
        assert shown in text


def test_the_line_shows_the_same_values_as_the_table() -> None:
    assert "nearby" in line_of(ROW)
    assert "age 1.2 s" in line_of(ROW)
    assert "age -" in line_of(EMPTY)


@pytest.mark.parametrize("bad", [replace(GOOD, reached=4), replace(GOOD, foreign=1)])
def test_the_demo_is_ok_only_if_every_truck_reached_its_own_customer(bad: DemoSummary) -> None:
    assert GOOD.ok
    assert not bad.ok
    assert str(GOOD).startswith("demo OK: positions of 5 of 5 trucks reached")
    assert str(bad).startswith("demo FAILED")
    assert "\n" not in str(GOOD)


def test_the_hints_name_only_services_that_exist() -> None:
    environment = Environment(server_url="http://a", websocket_url="ws://b")

    assert not any("OpenSearch" in line for line in where_to_look(environment, "sim/.env"))
    assert "--env x.env" in where_to_look(environment, "x.env")[-1]


def test_the_pages_are_listed_if_there_are_any() -> None:
    console = "http://pages/console.html"
    assert page_lines([], console) == []
    lines = page_lines(["http://pages/#a", "http://pages/#b"], console)
    assert lines[0].endswith(f": {console}")
    assert lines[2:] == ["http://pages/#a", "http://pages/#b"]
