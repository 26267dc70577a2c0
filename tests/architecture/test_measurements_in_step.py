"""A measurement is declared, mapped and described once, and named in no other file."""

from __future__ import annotations

from typing import Any

import pytest

from rtdts.position_store.index_definitions import LATEST_MAPPINGS, POSITIONS_MAPPINGS
from rtdts.tracking.fixes import Fix
from rtdts.tracking.point_fields import TelemetryPoint
from rtdts.tracking.positions import Point
from rtdts.tracking.reading import Reading
from tests.support.openapi_schema import openapi_document
from tests.support.source_tree import PRODUCTION, ROOT, python_files

MEASURED = Reading.__struct_fields__
USED_BY_RULES_OR_SHOWN = {"accuracy_m", "speed_mps", "heading_deg", "satellites", "hdop"}
"""Measurements that other files of the product may name: those that a rule uses, or that a
response or a message shows."""
PLACES = {
    "rtdts/tracking/reading.py",
    "rtdts/position_store/index_definitions.py",
    "docs/openapi.yaml",
}
PHONES = {"rtdts/tracking/owntracks.py", "rtdts/tracking/traccar_client.py"}
"""The parsers of phone apps name the measurements that the apps send."""
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
    document = openapi_document()
    described = document["components"]["schemas"]["TelemetryPoint"]["properties"]

    missing, unknown = set(MEASURED) - set(described), set(described) - IDENTITY - set(MEASURED)
    assert not missing, f"not in TelemetryPoint of docs/openapi.yaml: {missing}"
    assert not unknown, f"in docs/openapi.yaml, but not in rtdts/tracking/reading.py: {unknown}"


def test_the_example_of_a_point_has_every_measurement() -> None:
    document = openapi_document()
    body = document["paths"]["/telemetry"]["post"]["requestBody"]["content"]["application/json"]

    missing = set(MEASURED) - set(body["examples"]["point"]["value"])
    assert not missing, f"not in the example of a point in docs/openapi.yaml: {missing}"


@pytest.mark.parametrize("kind", [TelemetryPoint, Point, Fix])
def test_the_measurements_are_the_first_fields_of_each_struct(kind: type[Reading]) -> None:
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
