"""The language-neutral vectors: the TypeScript client runs the same files."""

import json
from itertools import cycle
from typing import Any

import pytest

from rtdts_client import protocol as p
from rtdts_client.messages import Ended, PositionUpdate, Snapshot, StatusChange, parse_message
from rtdts_client.session import Session
from rtdts_client.timing import Timing
from rtdts_client.view import DeliveryView, apply_message
from tests.support.source_tree import ROOT

VECTORS = ROOT / "web" / "client" / "vectors"
RECEIVER = json.loads((VECTORS / "receiver.json").read_text(encoding="utf-8"))
SESSION = json.loads((VECTORS / "session.json").read_text(encoding="utf-8"))


def name(case: dict[str, Any]) -> str:
    return case["name"]


def read(message: dict[str, Any]) -> Snapshot | PositionUpdate | StatusChange | Ended:
    parsed = parse_message(json.dumps(message))
    assert isinstance(parsed, Snapshot | PositionUpdate | StatusChange | Ended)
    return parsed


@pytest.mark.parametrize("case", RECEIVER["cases"], ids=name)
def test_the_receiver_matches_the_vectors(case: dict[str, Any]) -> None:
    view, added = DeliveryView("D-1"), []
    for message in case["messages"]:
        applied = apply_message(view, read(message))
        view = applied.view
        events = [event.version for event in applied.events]
        added.append({"events": events, "position": applied.new_position, "stale": applied.stale})

    assert added == case["expect"]
    assert {
        "version": view.version,
        "status": view.status,
        "position_at": view.position_at,
        "events": [event.version for event in view.events],
        "ended": view.ended,
        "assignment": view.assignment,
        "track_points": len(view.track),
    } == case["view"]


@pytest.mark.parametrize("case", SESSION["cases"], ids=name)
def test_the_session_matches_the_vectors(case: dict[str, Any]) -> None:
    draws = cycle(case["random"])
    session = Session(timing_of(SESSION["timing"]), lambda: next(draws))
    for step in case["steps"]:
        actions = session.on(input_of(step["input"]), step["at_ms"])

        assert [plain(action) for action in actions] == step["expect"], f"at {step['at_ms']} ms"
    if "wake_at_ms" in case:
        assert session.wake_at_ms() == case["wake_at_ms"]


def timing_of(vector: dict[str, float]) -> Timing:
    return Timing(
        first_ms=vector["firstMs"],
        max_ms=vector["maxMs"],
        replace_after_ms=vector["replaceAfterMs"],
        replace_jitter_ms=vector["replaceJitterMs"],
        heartbeat_ms=vector["heartbeatMs"],
        pong_within_ms=vector["pongWithinMs"],
        silence_ms=vector["silenceMs"],
        attempt_ms=vector["attemptMs"],
        steady_ms=vector["steadyMs"],
        too_many_ms=vector["tooManyMs"],
    )


def input_of(step: dict[str, Any]) -> p.Input:
    match step:
        case {"type": "frame", "id": number, "message": message}:
            return p.FrameReceived(number, json.dumps(message))
        case {"type": "ticket", "id": number, "ticket": ticket, "deliveryId": delivery_id}:
            return p.Ticketed(number, ticket, delivery_id)
        case {"type": "no_ticket", "id": number, "failure": {"kind": "refused", "reason": reason}}:
            return p.Failed(number, p.TicketRejected(reason))
        case {"type": "no_ticket", "id": number, "failure": {"retryAfterMs": retry_after_ms}}:
            return p.Failed(number, p.Unavailable(retry_after_ms))
        case {"type": "open", "id": number}:
            return p.Opened(number)
        case {"type": "closed", "id": number}:
            return p.Closed(number)
        case {"type": signal}:
            return p.Signal[signal.upper()]
    raise AssertionError(f"unknown step: {step}")


def plain(action: p.Action) -> dict[str, Any]:
    match action:
        case p.FetchTicket(number):
            return {"type": "fetch_ticket", "id": number}
        case p.Open(number, ticket):
            return {"type": "open", "id": number, "ticket": ticket}
        case p.Send(number, frame):
            return {"type": "send", "id": number, "message": json.loads(frame)}
        case p.Close(number):
            return {"type": "close", "id": number}
        case p.Show(report):
            return {
                "type": "report",
                "connection": report.connection,
                "events": [event.version for event in report.changes.events],
                "position": report.changes.position,
                "end_reason": report.end_reason,
            }
