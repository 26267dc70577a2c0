"""The Python viewer makes of messages what the clients' shared vectors say, where it shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtdts.tracking.instants import parse_instant
from sim.viewers.receiver import DeliveryView, take

ROOT = Path(__file__).parents[4]
CASES = json.loads((ROOT / "web/client/vectors/receiver.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_version_status_and_assignment_are_those_of_the_vectors(case: dict[str, Any]) -> None:
    view = DeliveryView("D-1")
    for message in case["messages"]:
        view = take(view, message).view

    expected = case["view"]
    assert (view.version, view.status) == (expected["version"], expected["status"])
    assert (view.assignment, view.ended) == (expected["assignment"], expected["ended"])
    if expected["position_at"] is not None:
        assert view.position_at_ms == parse_instant(expected["position_at"])
