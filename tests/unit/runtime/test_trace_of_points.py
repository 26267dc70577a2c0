from __future__ import annotations

import io
import json

import pytest

from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace


@pytest.mark.parametrize(
    ("trucks", "followed"),
    [
        ("", []),
        (" , ", []),
        ("T-1", ["T-1"]),
        ("T-1, T-3", ["T-1", "T-3"]),
        ("*", ["T-1", "T-2", "T-3"]),
    ],
)
def test_only_the_configured_trucks_are_traced(trucks: str, followed: list[str]) -> None:
    trace = PointTrace(trucks, Logger("part", io.StringIO()))

    assert [truck for truck in ("T-1", "T-2", "T-3") if trace.follows(truck)] == followed
    assert trace.is_on == bool(followed)


def test_a_step_is_logged_with_the_points_id() -> None:
    out = io.StringIO()

    PointTrace("T-1", Logger("part", out)).log("indexed", "T-1:1:2", late=False)

    line = json.loads(out.getvalue())
    assert (line["component"], line["event"], line["step"]) == ("part", "point", "indexed")
    assert (line["point_id"], line["late"]) == ("T-1:1:2", False)
