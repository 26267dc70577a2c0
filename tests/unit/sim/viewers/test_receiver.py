"""What each frame changed is recorded; the rules are those of the client library."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.viewers.receiver import Received, Receiver
from tests.support.viewer_messages import NOW_MS, position, status


def applied(*messages: dict[str, Any] | str | bytes) -> list[Received]:
    receiver = Receiver()
    return [
        receiver.receive(json.dumps(one) if isinstance(one, dict) else one, NOW_MS)
        for one in messages
    ]


def test_new_messages_are_distinguished_from_repeats_and_stale_ones() -> None:
    first, again, later, older = applied(position(5), position(5), position(6), position(4))

    assert (first.new_version, first.new_position, first.stale) == (True, True, False)
    assert (again.new_version, again.new_position, again.stale) == (False, False, False)
    assert (later.new_position, later.stale) == (True, False)
    assert (older.new_position, older.stale) == (False, True)


def test_a_hidden_position_does_not_count_as_a_new_position() -> None:
    shown, hidden = applied(position(5), position(None, version=3))

    assert (shown.new_position, hidden.new_position, hidden.new_version) == (True, False, True)


def test_each_delivery_has_a_view_of_its_own() -> None:
    receiver = Receiver()
    for delivery_id, version in (("D-1", 2), ("D-2", 5)):
        message = {**status(version, "nearby"), "delivery_id": delivery_id}
        receiver.receive(json.dumps(message), NOW_MS)

    assert {one: view.version for one, view in receiver.views.items()} == {"D-1": 2, "D-2": 5}


@pytest.mark.parametrize("message", [{"type": "weather"}, {"message": "Forbidden"}])
def test_unknown_message_types_are_not_a_problem(message: dict[str, Any]) -> None:
    (received,) = applied(message)

    assert (received.message, received.problem) == (message, None)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "status", "delivery_id": "D-1", "version": 1, "status": "assigned"},
        {"type": "ended", "delivery_id": "D-1"},
        {**position(5), "position_at": "yesterday"},
        {**position(5), "position": {"lat": 1}},
        {**position(5), "version": "three"},
        {"type": "error"},
    ],
)
def test_a_message_that_breaks_the_contract_is_a_problem(message: dict[str, Any]) -> None:
    (received,) = applied(message)

    assert received.problem is not None
    assert not received.new_version


@pytest.mark.parametrize("frame", ["{", "[]", '"x"', b"\xff"])
def test_a_frame_that_is_no_object_is_a_problem(frame: str | bytes) -> None:
    (received,) = applied(frame)

    assert received.problem is not None
