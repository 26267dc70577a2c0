"""When a truck was last received, which is checked before it is erased."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from opensearchpy import OpenSearch

from rtdts.position_store.erasure import TruckErasure
from rtdts.tracking.instants import format_instant
from tests.fakes.scripted_client import ScriptedClient

RECEIVED_MS = 1_800_000_000_123


def search_responding(value: float | None) -> Any:
    search = ScriptedClient({"aggregations": {"last": {"value": value}}}).search
    return SimpleNamespace(search=search, indices=ScriptedClient({}))


@pytest.mark.parametrize(
    ("value", "expected"), [(float(RECEIVED_MS), format_instant(RECEIVED_MS)), (None, None)]
)
def test_a_truck_was_last_seen_when_its_last_point_was_received(
    value: float | None, expected: str | None
) -> None:
    trucks = TruckErasure(cast("OpenSearch", search_responding(value)))

    assert trucks.last_received_at("T-1") == expected
