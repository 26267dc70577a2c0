"""The AsyncAPI document of the MQTT topics agrees with the bridge."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from mqtt_bridge.classifying import Message, classify
from mqtt_bridge.results import fault_document, result_document
from mqtt_bridge.topics import result_topic
from rtdts.ingest import messages
from rtdts.ingest.intake import NOTHING_PUT, ValidatedBody
from rtdts.ingest.messages import Fault
from rtdts.tracking.instants import parse_instant
from tests.support.iot_rules import basic_ingest
from tests.support.mqtt_topics import owntracks_topic, telemetry_topic
from tests.support.yaml_documents import document, follow, references

DOCUMENT = document("asyncapi-mqtt.yaml")
NOW_MS = parse_instant("2026-11-24T06:52:50Z")


def validate_result(result: Any) -> None:
    schema = DOCUMENT["components"]["schemas"]["Result"]
    jsonschema.Draft7Validator(schema | {"additionalProperties": False}).validate(result)


def classified(
    payload: bytes, topic: str = telemetry_topic("T-0012")
) -> ValidatedBody | Fault | None:
    message = Message(topic, payload, 1)
    return classify(
        message,
        received_at_ms=NOW_MS,
        zone=ZoneInfo("UTC"),
        max_body_bytes=1_048_576,
        is_revoked=lambda _: False,
    ).verdict


def test_every_reference_in_the_mqtt_document_resolves() -> None:
    for reference in references(DOCUMENT):
        follow(DOCUMENT, reference)


def test_the_topics_are_those_of_the_code() -> None:
    channels = DOCUMENT["channels"]

    assert channels["telemetry"]["address"] == telemetry_topic("{truck_id}")
    assert channels["result"]["address"] == result_topic("{truck_id}")
    assert channels["owntracks"]["address"] == owntracks_topic("{truck_id}", "{device_id}")
    assert channels["basicIngest"]["address"] == basic_ingest("{rule}", "{truck_id}")


def test_the_reasons_are_those_of_the_code() -> None:
    documented = DOCUMENT["components"]["schemas"]["Result"]["properties"]["reason"]["enum"]

    # A foreign topic has no truck to notify; endpoints that count messages send no results.
    assert set(documented) == {
        messages.FOREIGN_TRUCK,
        messages.TOO_LARGE,
        messages.TOO_MANY_POINTS,
        messages.UNREADABLE,
        messages.UNJUDGED,
        messages.REVOKED,
    }


@pytest.mark.parametrize(
    "example", DOCUMENT["components"]["messages"]["telemetry"]["examples"], ids=str
)
def test_an_example_of_telemetry_is_accepted(example: dict[str, Any]) -> None:
    verdict = classified(json.dumps(example["payload"]).encode())

    assert isinstance(verdict, ValidatedBody)
    assert verdict.payloads
    assert not verdict.rejected


def test_the_example_of_owntracks_is_accepted() -> None:
    (example,) = DOCUMENT["components"]["messages"]["owntracks"]["examples"]
    verdict = classified(json.dumps(example["payload"]).encode(), owntracks_topic("T-1", "phone"))

    assert isinstance(verdict, ValidatedBody)
    assert verdict.payloads
    assert not verdict.rejected


def test_results_are_as_documented() -> None:
    for example in DOCUMENT["components"]["messages"]["result"]["examples"]:
        validate_result(example["payload"])
    rejected = classified(
        b'{"truck_id":"T-0012","recorded_at":"2026-11-24T06:52:48Z","lat":95,"lon":1}'
    )
    unusable = classified(b"nonsense")

    assert isinstance(rejected, ValidatedBody)
    assert isinstance(unusable, Fault)
    validate_result(json.loads(result_document(rejected.result(NOTHING_PUT))))
    validate_result(json.loads(fault_document(unusable)))
