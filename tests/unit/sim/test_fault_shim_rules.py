"""Rules as data: they round-trip through JSON, and a typing error never disables a fault."""

from __future__ import annotations

import msgspec
import pytest

from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    FailItems,
    Fault,
    FaultPlan,
    FaultRule,
    LagIndex,
    Reject,
    ReplaceResponse,
    decode_fault_plan,
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
def test_a_rule_survives_a_round_trip_through_json(fault: Fault) -> None:
    fault_plan = FaultPlan(
        seed=7,
        rules=(FaultRule(name="r", fault=fault, operation="Put*", probability=0.5, times=3),),
    )

    assert decode_fault_plan(msgspec.json.encode(fault_plan)) == fault_plan


def test_a_bare_list_of_rules_is_a_fault_plan() -> None:
    fault_plan = decode_fault_plan(b' [{"name": "r", "fault": {"kind": "delay", "seconds": 1}}]')

    assert fault_plan == FaultPlan(rules=(FaultRule(name="r", fault=Delay(seconds=1)),))


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
def test_a_malformed_fault_plan_is_rejected(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_fault_plan(text.encode())


def test_two_rules_with_the_same_name_are_rejected() -> None:
    rule = b'{"name": "r", "fault": {"kind": "drop"}}'

    with pytest.raises(msgspec.DecodeError, match="share a name"):
        decode_fault_plan(b"[" + rule + b"," + rule + b"]")
