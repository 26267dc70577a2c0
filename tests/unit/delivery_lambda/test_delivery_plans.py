"""PUT /deliveries/{delivery_id}: plans, and what they change."""

from __future__ import annotations

import pytest

from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Status
from tests.fakes.scripted_client import client_error
from tests.support.deliveries import NOW_MS
from tests.support.delivery_api import CUSTOMER, TRUCK, Api


def test_a_plan_creates_a_delivery_changes_it_or_leaves_it_unchanged(api: Api) -> None:
    created, same, changed = api.put(), api.put(), api.put(customer_id="C-99")

    assert [status for status, _ in (created, same, changed)] == [201, 200, 200]
    assert [body["version"] for _, body in (created, same, changed)] == [1, 1, 2]
    assert [event["cause"] for event in changed[1]["events"]] == ["assigned", "corrected"]
    assert api.headers["ETag"] == '"2"'


def test_every_change_is_nudged_after_it_is_written(api: Api) -> None:
    api.put()
    api.put(truck_id="T-2")
    api.declare("picked_up")

    assert api.nudges.sent == [
        TransitionNudge(delivery_id="D-1", version=n, by_person=True) for n in (1, 2, 3)
    ]


def test_a_repeated_request_sends_its_nudge_again_in_case_the_first_was_lost(api: Api) -> None:
    api.put()
    api.put()
    api.declare("picked_up")
    api.declare("picked_up")

    assert api.nudges.sent == [
        TransitionNudge(delivery_id="D-1", version=n, by_person=True) for n in (1, 1, 2, 2)
    ]


def test_a_change_is_kept_when_its_nudge_is_not_accepted(api: Api) -> None:
    api.nudges.trouble = client_error("ServiceUnavailable", 503)

    assert api.put()[0] == 201
    assert "nudge_not_sent" in [line["event"] for line in api.log]


def test_a_rejected_request_sends_no_nudge(api: Api) -> None:
    api.put(origin=None)
    api.declare("delivered")

    assert api.nudges.sent == []


def test_another_truck_gets_the_match_and_the_first_loses_it(api: Api) -> None:
    api.put()
    api.now_ms += 1_000
    status, body = api.put(truck_id="T-2")

    assert (status, body["assignment"], body["status"]) == (200, 2, "assigned")
    assert api.store.matches["T-0012"] == {}
    assert api.store.matches["T-2"]["D-1"].assigned_at_ms == NOW_MS + 1_000


def test_if_match_guards_a_change(api: Api) -> None:
    api.put()

    assert api.put(customer_id="C-99", if_match='"1"')[0] == 200
    assert api.put(customer_id="C-77", if_match='"1"')[0] == 412
    assert api.put(delivery_id="D-2", if_match="*")[0] == 412
    assert api.put(if_match="one")[0] == 400


def test_a_closed_delivery_is_not_changed(api: Api) -> None:
    api.put()
    api.declare("cancelled")
    status, problem = api.put(customer_id="C-99")

    assert status == 409
    assert "cancelled" in problem["detail"]
    assert api.store.matches["T-0012"] == {}


@pytest.mark.parametrize("caller", [CUSTOMER, TRUCK])
def test_only_a_dispatcher_may_plan(api: Api, caller: tuple[str, str]) -> None:
    assert api.put(caller)[0] == 403


def test_an_invalid_plan_is_reported_by_its_field(api: Api) -> None:
    status, problem = api.put(origin={"lat": 91.0, "lon": 0.0})

    assert status == 400
    assert problem["field"] == "origin.lat"
    assert "90" in problem["detail"]
    assert api.put(delivery_id="no spaces")[0] == 400


def test_a_full_truck_is_reported() -> None:
    api = Api(max_open_deliveries=1)
    api.put()
    status, problem = api.put(delivery_id="D-2")

    assert status == 409
    assert (problem["field"], problem["limit"]) == ("truck_id", 1)


def test_an_erased_delivery_is_not_created_again_by_a_repeated_plan(
    api: Api,
) -> None:
    api.put()
    api.store.erase("D-1")

    status, problem = api.put()

    assert (status, problem["field"]) == (409, "delivery_id")
    assert "erased" in problem["detail"]
    assert api.store.get("D-1") is None
    assert api.declare("delivered", TRUCK)[0] == 404
    assert api.put(delivery_id="D-2")[0] == 201


def test_a_delivery_that_is_erased_while_its_plan_is_changed_stays_erased(api: Api) -> None:
    api.put()
    api.store.before_append = [lambda: api.store.erase("D-1")]

    status, _ = api.put(customer_id="C-99")

    assert status == 409
    assert api.store.get("D-1") is None


def test_a_request_that_loses_a_race_may_find_the_delivery_closed(api: Api) -> None:
    api.put()
    api.store.before_append.append(lambda: api.sensor(Status.CANCELLED))

    assert api.put(customer_id="C-99")[0] == 409
    assert api.get()[1]["customer_id"] == "C-88"


def test_a_request_that_loses_a_race_fails_if_it_expected_the_old_version(api: Api) -> None:
    api.put()
    api.store.before_append.append(lambda: api.sensor(Status.EN_ROUTE_TO_PICKUP))

    assert api.put(customer_id="C-99", if_match="1")[0] == 412
