from __future__ import annotations

import json

from sim.commands.trace import steps_of


def line(at: str, point_id: str, **fields: object) -> str:
    document = {"timestamp": at, "event": "point", "point_id": point_id, **fields}
    return json.dumps(document, separators=(",", ":")) + "\n"


def test_a_points_lines_from_all_logs_are_shown_in_order_of_time() -> None:
    lines = [
        line("2026-01-01T00:00:02.000Z", "T-1:5:1", step="posted"),
        "INFO  [main] T-1:5:1 is no line of ours\n",
        line("2026-01-01T00:00:01.000Z", "T-1:5:1", step="accepted"),
        line("2026-01-01T00:00:01.500Z", "T-1:5:12", step="another"),
        json.dumps({"timestamp": "2026", "event": "another", "about": "T-1:5:1"}),
    ]

    assert [step["step"] for step in steps_of("T-1:5:1", lines)] == ["accepted", "posted"]


def test_all_points_of_a_truck_can_be_requested() -> None:
    lines = [line("1", "T-1:5:1"), line("2", "T-1:6:2"), line("3", "XT-1:6:2")]

    assert [step["timestamp"] for step in steps_of("T-1:", lines)] == ["1", "2"]
