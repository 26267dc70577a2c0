"""A measurement is declared once, mapped once and described once; nothing else knows its name."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from rtdts.position_store.index_definitions import LATEST_MAPPINGS, POSITIONS_MAPPINGS
from rtdts.tracking.fixes import Fix
from rtdts.tracking.point_fields import TelemetryPoint
from rtdts.tracking.positions import Point
from rtdts.tracking.reading import Reading
from tests.support.source_tree import PRODUCTION, ROOT, python_files

MEASURED = Reading.__struct_fields__
USED_BY_RULES = {"accuracy_m", "speed_mps", "heading_deg", "satellites", "hdop"}
PLACES = {
    "rtdts/tracking/reading.py",
    "rtdts/position_store/index_definitions.py",
    "docs/openapi.yaml",
}
PHONES = {"rtdts/tracking/owntracks.py", "rtdts/tracking/traccar_client.py"}
"""What an app sends is named there, if it is a measurement of ours."""
LATEST: dict[str, Any] = LATEST_MAPPINGS["properties"]
IDENTITY = {"v", "truck_id", "seq", "recorded_at", "lat", "lon"}


@pytest.mark.parametrize(
    "properties",
    [POSITIONS_MAPPINGS["properties"], LATEST],
    ids=["history", "latest"],
)
def test_every_measurement_is_mapped(properties: dict[str, Any]) -> None:
    assert set(MEASURED) <= set(properties)


def test_what_is_described_beside_a_points_identity_are_the_measurements() -> None:
    document = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text(encoding="utf-8"))
    described = document["components"]["schemas"]["TelemetryPoint"]["properties"]

    assert set(described) - IDENTITY == set(MEASURED)


@pytest.mark.parametrize("kind", [TelemetryPoint, Point, Fix])
def test_measurements_are_what_is_given_by_position(kind: type[Reading]) -> None:
    assert kind.__struct_fields__[: len(MEASURED)] == MEASURED


@pytest.mark.parametrize("name", sorted(set(MEASURED) - USED_BY_RULES))
def test_a_measurement_that_no_rule_uses_is_named_in_three_files_of_the_product(name: str) -> None:
    files = [*python_files(*PRODUCTION), *(ROOT / "docs").glob("*.yaml")]
    naming = {
        str(path.relative_to(ROOT)) for path in files if name in path.read_text(encoding="utf-8")
    }

    assert naming - PHONES == PLACES
