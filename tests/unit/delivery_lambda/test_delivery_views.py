"""GET /deliveries: what each role can read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rtdts.tracking.deliveries import Status
from tests.support.aws_events import aws_event, called_by, with_body
from tests.support.deliveries import NOW_MS
from tests.support.delivery_api import CUSTOMER, DISPATCHER, STRANGERS, TRUCK, Api
from tests.support.delivery_shares import DAY_MS


@pytest.mark.parametrize("caller", [DISPATCHER, CUSTOMER, TRUCK])
def test_dispatchers_its_customer_and_its_truck_can_read_a_delivery(
    api: Api, caller: tuple[str, str]
) -> None:
    api.put()
    status, body = api.get(caller)

    assert status == 200
    assert (body["delivery_id"], body["truck_id"], body["customer_id"]) == ("D-1", "T-0012", "C-88")
    assert body["window"] == {
        "start": "2026-11-24T09:00:00.000Z",
        "end": "2026-11-24T10:00:00.000Z",
    }


@pytest.mark.parametrize("caller", STRANGERS)
def test_all_other_callers_get_not_found(api: Api, caller: tuple[str, str]) -> None:
    api.put()
    others, missing = api.get(caller), api.get(caller, "D-missing")

    assert others == missing
    assert others[0] == 404
    assert api.get(DISPATCHER, "no spaces")[0] == 404


def test_a_former_truck_and_a_former_customer_get_not_found(api: Api) -> None:
    api.put()
    api.put(truck_id="T-2", customer_id="C-99")

    assert [api.get(caller)[0] for caller in (TRUCK, CUSTOMER)] == [404, 404]
    assert api.declare("picked_up", TRUCK)[0] == 404


def test_only_a_dispatcher_sees_the_details_of_an_event(api: Api) -> None:
    api.put()
    api.declare("picked_up", TRUCK, note="two pallets", proof="photo-1")
    seen = {caller: api.get(caller)[1]["events"][1] for caller in (DISPATCHER, CUSTOMER, TRUCK)}

    assert seen[DISPATCHER]["actor"] == "truck:T-0012"
    assert seen[DISPATCHER]["note"] == "two pallets"
    assert seen[DISPATCHER]["proof"] == "photo-1"
    assert seen[DISPATCHER]["type"] == "picked_up"
    for caller in (CUSTOMER, TRUCK):
        assert set(seen[caller]) == {"version", "status", "effective_at", "cause"}


@pytest.mark.parametrize(
    "policy",
    [
        {"policy": "next_stop"},
        {"policy": "en_route"},
        {"policy": "within_distance", "distance_m": 5000.0},
        {"policy": "within_time", "minutes": 30},
    ],
    ids=lambda policy: policy["policy"],
)
def test_the_visibility_policy_is_shown_to_dispatcher_and_truck_only(
    api: Api, policy: dict[str, Any]
) -> None:
    api.put(visibility=policy, stop_sequence=3)

    for caller in (DISPATCHER, TRUCK):
        assert api.get(caller)[1]["visibility"] == policy
        assert api.get(caller)[1]["stop_sequence"] == 3
    assert {"visibility", "stop_sequence"}.isdisjoint(api.get(CUSTOMER)[1])
    assert {"visibility", "stop_sequence"}.isdisjoint(api.list(CUSTOMER)[1]["deliveries"][0])
    assert "visibility" in api.list(TRUCK)[1]["deliveries"][0]


def test_a_new_customer_sees_no_event_from_the_former_customers_time(api: Api) -> None:
    api.put()
    api.sensor(Status.EN_ROUTE_TO_PICKUP)
    api.put(customer_id="C-99")
    api.sensor(Status.AT_PICKUP)

    assert [one["version"] for one in api.get(("customer", "C-99"))[1]["events"]] == [3, 4]
    assert [one["version"] for one in api.get()[1]["events"]] == [1, 2, 3, 4]


def test_events_newer_than_the_row_are_not_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.put()
    api.sensor(Status.EN_ROUTE_TO_PICKUP)
    row = api.store.get("D-1")
    assert row is not None
    old = msgspec.structs.replace(row, version=1, status=Status.ASSIGNED)
    monkeypatch.setattr(api.store, "get", lambda _: old)
    body = api.get()[1]

    assert [event["version"] for event in body["events"]] == [1]


def test_lists_are_paged_by_a_cursor(api: Api) -> None:
    for number in range(51):
        api.now_ms += 1
        api.put(delivery_id=f"D-{number}")
    _, first = api.list(customer_id="C-88")
    _, second = api.list(customer_id="C-88", cursor=first["next_cursor"])
    found = [d["delivery_id"] for page in (first, second) for d in page["deliveries"]]

    assert found == [f"D-{number}" for number in reversed(range(51))]
    assert second["next_cursor"] is None
    assert "events" not in first["deliveries"][0]
    assert api.list(customer_id="C-88", status="failed", cursor=first["next_cursor"])[0] == 400
    assert api.list(customer_id="C-88", cursor="junk")[0] == 400


def test_customers_and_trucks_list_only_their_own_deliveries(api: Api) -> None:
    api.put()
    api.put(delivery_id="D-2", truck_id="T-99", customer_id="C-99")

    for caller in (CUSTOMER, TRUCK):
        assert [d["delivery_id"] for d in api.list(caller)[1]["deliveries"]] == ["D-1"]
    assert api.list(CUSTOMER, customer_id="C-99")[0] == 403
    assert api.list(DISPATCHER)[0] == 400
    assert api.list(DISPATCHER, truck_id="T-0012", status="lost")[0] == 400
    assert api.list(DISPATCHER, truck_id="T-0012", status="assigned")[1]["deliveries"]


def test_a_truck_sees_open_deliveries_and_those_closed_within_the_last_day(api: Api) -> None:
    """A stolen token of a truck must not list a year of customers."""
    for number in range(3):
        api.put(delivery_id=f"D-{number}")
    event = aws_event("http_api_declare_event")
    for number, age_ms in ((0, DAY_MS + 1), (1, DAY_MS - 1)):
        api.now_ms = NOW_MS + 2 * DAY_MS - age_ms
        called = called_by(event, *DISPATCHER)
        called["pathParameters"]["delivery_id"] = f"D-{number}"
        called["headers"]["idempotency-key"] = "k"
        assert api.send(with_body(called, {"type": "delivered"}))[0] == 201
    api.now_ms = NOW_MS + 2 * DAY_MS
    _, page = api.list(TRUCK)
    responses = [api.get(TRUCK, f"D-{number}")[0] for number in range(3)]

    assert sorted(row["delivery_id"] for row in page["deliveries"]) == ["D-1", "D-2"]
    assert responses == [404, 200, 200]
    assert {api.get(CUSTOMER, f"D-{number}")[0] for number in range(3)} == {200}
    assert len(api.list(CUSTOMER)[1]["deliveries"]) == 3
