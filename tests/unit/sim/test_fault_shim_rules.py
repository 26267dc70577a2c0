"""Rules as data: what is written is what is meant, and a typing error never makes fair weather."""

from __future__ import annotations

import msgspec
import pytest

from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    FailItems,
    Fault,
    FaultRule,
    LagIndex,
    Reject,
    ReplaceResponse,
    Weather,
    decode_weather,
)

FAULTS: list[Fault] = [
    Reject(status=400, code="ThrottlingException", more={"retryAfterSeconds": 1}),
    FailItems(code="InternalFailure", places=(0, 3), share=0.5),
    Delay(seconds=0.25, when="after"),
    LagIndex(seconds=2),
    Drop(),
    CutResponse(after_bytes=10),
    ReplaceResponse(status=200, body="<html>", headers={"Content-Type": "text/html"}),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_rule_comes_back_from_json_as_it_was(fault: Fault) -> None:
    weather = Weather(
        seed=7,
        rules=(FaultRule(name="r", fault=fault, operation="Put*", probability=0.5, times=3),),
    )

    assert decode_weather(msgspec.json.encode(weather)) == weather


def test_a_list_of_rules_is_a_weather_too() -> None:
    weather = decode_weather(b' [{"name": "r", "fault": {"kind": "delay", "seconds": 1}}]')

    assert weather == Weather(rules=(FaultRule(name="r", fault=Delay(seconds=1)),))


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "r", "fault": {"kind": "delay", "seconds": 1}, "opperation": "Query"}]',
        '[{"name": "r", "fault": {"kind": "delay", "second": 1}}]',
        '[{"name": "r", "fault": {"kind": "delay", "seconds": -1}}]',
        '[{"name": "r", "fault": {"kind": "dealy", "seconds": 1}}]',
        '[{"name": "r", "fault": {"kind": "drop"}, "probability": 1.1}]',
        '[{"name": "r", "fault": {"kind": "drop"}, "from_nth": 0}]',
        '[{"name": "r", "fault": {"kind": "drop"}, "times": 0}]',
        '[{"name": "", "fault": {"kind": "drop"}}]',
        '[{"name": "r"}]',
        '{"rule": []}',
        "not JSON",
        "",
    ],
)
def test_malformed_weather_is_rejected(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_weather(text.encode())


def test_two_rules_of_one_name_could_not_be_reported_apart() -> None:
    rule = b'{"name": "r", "fault": {"kind": "drop"}}'

    with pytest.raises(msgspec.DecodeError, match="share a name"):
        decode_weather(b"[" + rule + b"," + rule + b"]")
