"""The receiver's rule: order on the wire does not matter, and nothing goes back."""

from itertools import permutations
from typing import Any

import pytest

from sim.viewers.receiver import BadMessageError, DeliveryView, parse_message, take


def position(
    second: int | None,
    *,
    version: int = 2,
    status: str = "in_transit",
    assignment: int = 1,
    **more: Any,
) -> dict[str, Any]:
    at = None if second is None else f"2026-11-24T07:00:{second:02}.000Z"
    return {
        "v": 1,
        "type": "position",
        "sent_at": "2026-11-24T07:01:00.000Z",
        "delivery_id": "D-1",
        "status": status,
        "version": version,
        "assignment": assignment,
        "position_at": at,
        "position": None
        if second is None
        else {
            "lat": 48.0 + second / 1000,
            "lon": 11.0,
            "heading_deg": 1.0,
            "speed_mps": float(second),
            "accuracy_m": 5.0,
            "recorded_at": at,
            "age_s": 1.0,
            "stale_since": None,
        },
        "distance_remaining_m": None if second is None else 1000.0 - second,
        "eta": None,
        **more,
    }


def status(version: int, name: str, *, assignment: int = 1) -> dict[str, Any]:
    return {
        "v": 1,
        "type": "status",
        "sent_at": "2026-11-24T07:01:00.000Z",
        "delivery_id": "D-1",
        "status": name,
        "version": version,
        "assignment": assignment,
        "effective_at": "2026-11-24T07:00:00.000Z",
        "cause": "moved_off",
    }


def hear(*messages: dict[str, Any]) -> DeliveryView:
    view = DeliveryView("D-1")
    for message in messages:
        view = take(view, message).view
    return view


def test_any_order_of_messages_leads_to_the_same_view() -> None:
    messages = [
        status(1, "assigned"),
        position(5, version=2),
        status(3, "nearby"),
        position(9, version=3, status="nearby"),
        position(2, version=2),
    ]
    views = {hear(*order) for order in permutations(messages)}

    assert len(views) == 1
    (view,) = views
    assert (view.version, view.status, view.speed_mps) == (3, "nearby", 9.0)


def test_a_late_status_does_not_take_the_delivery_back() -> None:
    view = hear(status(4, "arrived"), status(3, "nearby"))

    assert (view.version, view.status) == (4, "arrived")


def test_a_lost_status_shows_in_the_next_position() -> None:
    taken = take(hear(status(2, "in_transit")), position(5, version=3, status="nearby"))

    assert taken.new_version
    assert taken.view.status == "nearby"


def test_news_are_told_apart_from_repeats() -> None:
    first = take(DeliveryView("D-1"), position(5))
    again = take(first.view, position(5))
    later = take(again.view, position(6))
    older = take(later.view, position(4))

    assert (first.new_version, first.new_position, first.stale) == (True, True, False)
    assert (again.new_version, again.new_position, again.stale) == (False, False, False)
    assert (later.new_position, later.stale) == (True, False)
    assert (older.new_position, older.stale) == (False, True)
    assert older.view == later.view


def test_another_truck_starts_the_position_anew_even_with_an_earlier_time() -> None:
    before = hear(position(30, assignment=1))
    moved = take(before, status(3, "in_transit", assignment=2)).view
    after = take(moved, position(10, version=3, assignment=2)).view

    assert moved.position_at_ms is None
    assert after.speed_mps == 10.0
    assert take(after, position(40, assignment=1)).view == after


def test_nothing_to_show_leaves_the_position_as_it_is() -> None:
    view = hear(position(5), position(None, version=3))

    assert view.speed_mps == 5.0
    assert view.version == 3


def ended(second: int, reason: str = "viewing_over") -> dict[str, Any]:
    return {"type": "ended", "delivery_id": "D-1", "reason": reason, "sent_at": at(second)}


def snapshot(second: int) -> dict[str, Any]:
    return position(second, type="snapshot", events=[], track=[], sent_at=at(second))


def at(second: int) -> str:
    return f"2026-11-24T07:01:{second:02}.000Z"


def test_an_end_is_kept_until_a_new_snapshot() -> None:
    over = hear(position(5), ended(30))
    late = take(over, position(6)).view
    anew = take(late, snapshot(31)).view

    assert over.ended == late.ended == "viewing_over"
    assert anew.ended is None


def test_a_snapshot_that_an_end_has_overtaken_begins_nothing_anew() -> None:
    assert hear(ended(30), snapshot(29)).ended == "viewing_over"


def test_an_end_that_a_snapshot_has_overtaken_ends_nothing() -> None:
    assert hear(snapshot(31), ended(30)).ended is None
    assert hear(snapshot(31), ended(31)).ended == "viewing_over"


def test_a_type_of_a_later_service_is_ignored() -> None:
    view = hear(position(5))

    assert take(view, {"type": "weather", "delivery_id": "D-1"}).view == view


@pytest.mark.parametrize(
    "message",
    [
        {"type": "status", "delivery_id": "D-1", "version": 1, "status": "assigned"},
        {"type": "ended", "delivery_id": "D-1"},
        {**position(5), "position_at": "yesterday"},
        {**position(5), "position": {"lat": 1}},
        {**position(5), "version": "three"},
    ],
)
def test_a_message_that_breaks_the_promise_is_told(message: dict[str, Any]) -> None:
    with pytest.raises(BadMessageError):
        take(DeliveryView("D-1"), message)


@pytest.mark.parametrize("frame", ["{", "[]", '"x"', b"\xff"])
def test_a_frame_that_is_no_object_is_told(frame: str | bytes) -> None:
    with pytest.raises(BadMessageError):
        parse_message(frame)
