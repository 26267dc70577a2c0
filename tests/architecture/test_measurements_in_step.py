"""A measurement is declared once, mapped once and described once; its name stands nowhere else."""

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
USED_BY_RULES_OR_SHOWN = {"accuracy_m", "speed_mps", "heading_deg", "satellites", "hdop"}
"""Other files of the product name these. A measurement that a rule uses, or that a response or a
message shows, belongs here."""
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
    missing = set(MEASURED) - set(properties)

    assert not missing, f"not mapped in rtdts/position_store/index_definitions.py: {missing}"


def test_the_documented_optional_fields_of_a_point_are_the_measurements() -> None:
    document = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text(encoding="utf-8"))
    described = document["components"]["schemas"]["TelemetryPoint"]["properties"]

    missing, unknown = set(MEASURED) - set(described), set(described) - IDENTITY - set(MEASURED)
    assert not missing, f"not in TelemetryPoint of docs/openapi.yaml: {missing}"
    assert not unknown, f"in docs/openapi.yaml, but not in rtdts/tracking/reading.py: {unknown}"


def test_the_example_of_a_point_has_every_measurement() -> None:
    document = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text(encoding="utf-8"))
    body = document["paths"]["/telemetry"]["post"]["requestBody"]["content"]["application/json"]

    missing = set(MEASURED) - set(body["examples"]["point"]["value"])
    assert not missing, f"not in the example of a point in docs/openapi.yaml: {missing}"


@pytest.mark.parametrize("kind", [TelemetryPoint, Point, Fix])
def test_measurements_are_what_is_given_by_position(kind: type[Reading]) -> None:
    assert kind.__struct_fields__[: len(MEASURED)] == MEASURED


@pytest.mark.parametrize("name", sorted(set(MEASURED) - USED_BY_RULES_OR_SHOWN))
def test_a_measurement_that_no_rule_uses_is_named_in_three_files_of_the_product(name: str) -> None:
    files = [*python_files(*PRODUCTION), *(ROOT / "docs").glob("*.yaml")]
    naming = {
        str(path.relative_to(ROOT)) for path in files if name in path.read_text(encoding="utf-8")
    }

    elsewhere = naming - PHONES - PLACES
    assert naming >= PLACES, f"{name} is missing in {PLACES - naming}"
    assert not elsewhere, f"{name} is in USED_BY_RULES_OR_SHOWN if these may name it: {elsewhere}"
