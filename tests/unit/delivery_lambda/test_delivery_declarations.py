"""POST /deliveries/{delivery_id}/events: declarations."""

from __future__ import annotations

import pytest

from rtdts.tracking.blocks import Block, BlockKind
from rtdts.tracking.deliveries import Status
from rtdts.tracking.instants import format_instant
from tests.support.deliveries import NOW_MS
from tests.support.delivery_api import CUSTOMER, TRUCK, Api
from tests.support.delivery_shares import DAY_MS


def test_a_truck_that_claims_an_early_end_hides_nothing_from_viewers(api: Api) -> None:
    api.put()
    created_at = format_instant(api.now_ms)
    api.now_ms += 60_000
    api.sensor(Status.EN_ROUTE_TO_PICKUP)
    api.now_ms += 3_600_000
    status, _ = api.declare("delivered", TRUCK, at=created_at)
    row = api.store.get("D-1")

    assert status == 201
    assert row is not None
    assert row.closed_at_ms == row.end_recorded_at_ms == api.now_ms
    assert api.get()[1]["events"][2]["doubts"] == ["not_seen_near_destination"]
    (line,) = [line for line in api.log if line["event"] == "declaration_doubted"]
    assert line["actor"] == "truck:T-0012"
    assert line["doubts"] == ["not_seen_near_destination"]


def test_a_declaration_is_recorded_once_per_key(api: Api) -> None:
    api.put()
    first = api.declare("picked_up", TRUCK, note="n")
    again = api.declare("picked_up", TRUCK, note="n")
    other = api.declare("picked_up", TRUCK, note="m")
    api.declare("delivered", TRUCK, key="k2")
    much_later = api.declare("picked_up", TRUCK, note="n")

    assert [status for status, _ in (first, again, other, much_later)] == [201, 200, 409, 200]
    assert first[1] == again[1]
    assert api.get()[1]["version"] == 3


def test_without_a_key_nothing_is_declared(api: Api) -> None:
    api.put()

    assert api.declare("picked_up", key="")[0] == 400
    assert api.get()[1]["version"] == 1


def test_each_role_may_declare_only_some_statuses(api: Api) -> None:
    api.put()

    assert api.declare("picked_up", CUSTOMER)[0] == 403
    assert api.declare("cancelled", TRUCK)[0] == 403
    assert api.declare("picked_up", ("truck", "T-99"))[0] == 404
    assert api.declare("delivered", TRUCK, key="k2")[0] == 201
    assert api.declare("failed", TRUCK, key="k3")[0] == 409


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "yesterday"])
def test_an_impossible_time_is_reported_by_its_field(api: Api, at: str) -> None:
    api.put()
    status, problem = api.declare("picked_up", at=at)

    assert (status, problem["field"]) == (400, "at")


def test_a_request_that_loses_a_race_decides_again_on_the_new_version(api: Api) -> None:
    api.put()
    api.store.before_append.append(lambda: api.sensor(Status.EN_ROUTE_TO_PICKUP))
    status, body = api.declare("picked_up")

    assert status == 201
    assert [event["status"] for event in body["events"]] == [
        "assigned",
        "en_route_to_pickup",
        "in_transit",
    ]


def test_a_concurrent_identical_declaration_is_recorded_once(api: Api) -> None:
    api.put()
    rival: list[int] = []
    api.store.before_append.append(lambda: rival.append(api.declare("picked_up", TRUCK)[0]))
    status, body = api.declare("picked_up", TRUCK)

    assert (rival, status) == ([201], 200)
    assert body["version"] == 2


def test_a_truck_that_loses_the_delivery_meanwhile_declares_nothing(api: Api) -> None:
    api.put()
    api.store.before_append.append(lambda: api.put(truck_id="T-2"))

    assert api.declare("picked_up", TRUCK)[0] == 404


def test_a_truck_over_its_telemetry_quota_may_still_declare(api: Api) -> None:
    api.put()
    api.blocks.block(
        Block(
            subject="truck:T-0012",
            kind=BlockKind.OVER_QUOTA,
            until_ms=NOW_MS + DAY_MS,
            reason="a test",
            blocked_at_ms=NOW_MS,
        )
    )

    assert api.declare("delivered", TRUCK)[0] == 201
