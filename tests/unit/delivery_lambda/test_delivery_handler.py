"""delivery_lambda from the gateway's event to its response, on fakes, as documented."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError

import ingest_lambda.routes
import track_lambda.routes
from delivery_lambda.bootstrap import App, build
from delivery_lambda.dispatch import MAX_DECISIONS, Dispatch
from delivery_lambda.handler import handle
from delivery_lambda.routes import OPEN_ROUTES, ROUTES
from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.errors import StoreBusy, VersionConflict
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger
from rtdts.runtime.origins import Origins
from rtdts.runtime.rate_limits import RateLimits
from rtdts.runtime.refusal_lines import RefusalLines
from rtdts.runtime.settings import SettingsError
from rtdts.tracking.blocks import Block, BlockKind
from rtdts.tracking.deliveries import Status
from rtdts.tracking.instants import format_instant
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_tickets import FakeTicketStore
from tests.fakes.scripted_client import client_error
from tests.support.aws_events import aws_event, called_by, with_body
from tests.support.deliveries import NOW_MS, event_of, moved_to
from tests.support.delivery_shares import sharing_on
from tests.support.openapi_schema import documented_routes, validate_response

TRUCK = ("truck", "T-0012")
CUSTOMER = ("customer", "C-88")
DISPATCHER = ("dispatcher", "ann")
STRANGERS = [("customer", "C-99"), ("truck", "T-99")]


class Api:
    """A delivery_lambda on fakes, and short calls for its routes."""

    def __init__(self, *, edge_secrets: str = "", **store: Any) -> None:
        self.edge_secrets = edge_secrets
        self.store = FakeDeliveryStore(**store)
        self.tickets = FakeTicketStore()
        self.nudges = FakeNudgeQueue()
        self.lines = io.StringIO()
        self.now_ms = NOW_MS
        log = Logger("delivery_lambda", self.lines)
        dispatch = Dispatch(
            deliveries=self.store,
            tickets=self.tickets,
            nudges=self.nudges,
            sharing=sharing_on(self.store, tickets=self.tickets, nudges=self.nudges, log=log),
            log=log,
            now_ms=lambda: self.now_ms,
        )
        self.blocks = FakeBlockStore()
        block_list = BlockList(self.blocks, log=log, now_ms=lambda: self.now_ms)
        self.app = App(
            dispatch=dispatch,
            identity_claim="sub",
            blocks=block_list,
            edge=Edge(self.edge_secrets),
            origins=Origins(""),
            refusal_lines=RefusalLines(),
            requests=RateLimits(per_minute=60, burst_minutes=1),
            log=log,
        )

    def send(self, event: dict[str, Any]) -> tuple[int, Any]:
        response = handle(event, self.app)
        method, path = event["routeKey"].split(" ")
        if response["statusCode"] != 500 or response["body"]:
            validate_response(
                method, path, response["statusCode"], response["headers"], response["body"]
            )
        self.headers = response["headers"]
        return response["statusCode"], json.loads(response["body"])

    def put(self, caller: tuple[str, str] = DISPATCHER, **changed: Any) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_put_delivery"), *caller)
        event["headers"] |= {"if-match": changed.pop("if_match", "")}
        event["pathParameters"]["delivery_id"] = changed.pop("delivery_id", "D-1")
        return self.send(with_body(event, {**json.loads(event["body"]), **changed}))

    def get(
        self, caller: tuple[str, str] = DISPATCHER, delivery_id: str = "D-1"
    ) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_get_delivery"), *caller)
        event["pathParameters"]["delivery_id"] = delivery_id
        return self.send(event)

    def list(self, caller: tuple[str, str] = DISPATCHER, **query: str) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_list_deliveries"), *caller)
        event.pop("queryStringParameters")
        return self.send(event | ({"queryStringParameters": query} if query else {}))

    def declare(
        self, what: str, caller: tuple[str, str] = DISPATCHER, key: str = "k", **more: Any
    ) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_declare_event"), *caller)
        event["headers"]["idempotency-key"] = key
        return self.send(with_body(event, {"type": what, **more}))

    def ticket(self, caller: tuple[str, str]) -> tuple[int, Any]:
        return self.send(called_by(aws_event("http_api_issue_ticket"), *caller))

    def sensor(self, status: Status) -> None:
        """What the consumer does: the log grows by a transition."""
        before = self.store.get("D-1")
        assert before is not None
        after = moved_to(before, status)
        self.store.append(before, after, [event_of(after)], matches=False)

    @property
    def log(self) -> Sequence[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]


@pytest.fixture
def api() -> Api:
    return Api()


def test_the_routes_are_the_documented_ones() -> None:
    others = {
        *ingest_lambda.routes.ROUTES,
        *ingest_lambda.routes.OPEN_ROUTES,
        *track_lambda.routes.ROUTES,
    }

    assert {*ROUTES, *OPEN_ROUTES} == documented_routes() - others


def test_a_delivery_is_created_changed_and_left_alone(api: Api) -> None:
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


def test_a_repetition_is_nudged_again_since_the_first_may_have_been_cut_off(api: Api) -> None:
    api.put()
    api.put()
    api.declare("picked_up")
    api.declare("picked_up")

    assert [nudge.version for nudge in api.nudges.sent] == [1, 1, 2, 2]


def test_a_change_stays_done_when_its_nudge_is_not_accepted(api: Api) -> None:
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
def test_only_a_dispatcher_plans(api: Api, caller: tuple[str, str]) -> None:
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


@pytest.mark.parametrize("caller", [DISPATCHER, CUSTOMER, TRUCK])
def test_a_delivery_is_read_by_those_concerned(api: Api, caller: tuple[str, str]) -> None:
    api.put()
    status, body = api.get(caller)

    assert status == 200
    assert (body["delivery_id"], body["truck_id"], body["customer_id"]) == ("D-1", "T-0012", "C-88")
    assert body["window"] == {
        "start": "2026-11-24T09:00:00.000Z",
        "end": "2026-11-24T10:00:00.000Z",
    }


@pytest.mark.parametrize("caller", STRANGERS)
def test_for_all_others_it_does_not_exist(api: Api, caller: tuple[str, str]) -> None:
    api.put()
    others, missing = api.get(caller), api.get(caller, "D-missing")

    assert others == missing
    assert others[0] == 404
    assert api.get(DISPATCHER, "no spaces")[0] == 404


def test_a_former_truck_and_a_former_customer_are_strangers(api: Api) -> None:
    api.put()
    api.put(truck_id="T-2", customer_id="C-99")

    assert [api.get(caller)[0] for caller in (TRUCK, CUSTOMER)] == [404, 404]
    assert api.declare("picked_up", TRUCK)[0] == 404


def test_the_detail_of_an_event_is_for_the_dispatcher_alone(api: Api) -> None:
    api.put()
    api.declare("picked_up", TRUCK, note="two pallets", proof="photo-1")
    seen = {caller: api.get(caller)[1]["events"][1] for caller in (DISPATCHER, CUSTOMER, TRUCK)}

    assert seen[DISPATCHER]["actor"] == "truck:T-0012"
    assert seen[DISPATCHER]["note"] == "two pallets"
    assert seen[DISPATCHER]["proof"] == "photo-1"
    assert seen[DISPATCHER]["type"] == "picked_up"
    for caller in (CUSTOMER, TRUCK):
        assert set(seen[caller]) == {"version", "status", "effective_at", "cause"}


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


def test_another_customer_gets_no_event_of_the_former_ones_time(api: Api) -> None:
    api.put()
    api.sensor(Status.EN_ROUTE_TO_PICKUP)
    api.put(customer_id="C-99")
    api.sensor(Status.AT_PICKUP)

    assert [one["version"] for one in api.get(("customer", "C-99"))[1]["events"]] == [3, 4]
    assert [one["version"] for one in api.get()[1]["events"]] == [1, 2, 3, 4]


def test_a_delivery_that_was_erased_does_not_come_back_with_a_plan_that_is_sent_again(
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


def test_a_log_that_grew_meanwhile_is_cut_to_the_row(api: Api) -> None:
    api.put()
    api.sensor(Status.EN_ROUTE_TO_PICKUP)
    row = api.store.get("D-1")
    assert row is not None
    old = msgspec.structs.replace(row, version=1, status=Status.ASSIGNED)
    api.store.get = lambda _: old
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


def test_customers_and_trucks_list_their_own(api: Api) -> None:
    api.put()
    api.put(delivery_id="D-2", truck_id="T-99", customer_id="C-99")

    for caller in (CUSTOMER, TRUCK):
        assert [d["delivery_id"] for d in api.list(caller)[1]["deliveries"]] == ["D-1"]
    assert api.list(CUSTOMER, customer_id="C-99")[0] == 403
    assert api.list(DISPATCHER)[0] == 400
    assert api.list(DISPATCHER, truck_id="T-0012", status="lost")[0] == 400
    assert api.list(DISPATCHER, truck_id="T-0012", status="assigned")[1]["deliveries"]


def test_a_declaration_is_recorded_once_a_key(api: Api) -> None:
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


def test_which_role_may_declare_which_status(api: Api) -> None:
    api.put()

    assert api.declare("picked_up", CUSTOMER)[0] == 403
    assert api.declare("cancelled", TRUCK)[0] == 403
    assert api.declare("picked_up", ("truck", "T-99"))[0] == 404
    assert api.declare("delivered", TRUCK, key="k2")[0] == 201
    assert api.declare("failed", TRUCK, key="k3")[0] == 409


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "yesterday"])
def test_a_time_that_cannot_be_is_reported(api: Api, at: str) -> None:
    api.put()
    status, problem = api.declare("picked_up", at=at)

    assert (status, problem["field"]) == (400, "at")


def test_a_request_that_loses_a_race_decides_anew(api: Api) -> None:
    api.put()
    api.store.before_append.append(lambda: api.sensor(Status.EN_ROUTE_TO_PICKUP))
    status, body = api.declare("picked_up")

    assert status == 201
    assert [event["status"] for event in body["events"]] == [
        "assigned",
        "en_route_to_pickup",
        "in_transit",
    ]


def test_a_request_that_loses_a_race_may_find_the_delivery_closed(api: Api) -> None:
    api.put()
    api.store.before_append.append(lambda: api.sensor(Status.CANCELLED))

    assert api.put(customer_id="C-99")[0] == 409
    assert api.get()[1]["customer_id"] == "C-88"


def test_a_request_that_loses_a_race_no_longer_has_the_version_it_named(api: Api) -> None:
    api.put()
    api.store.before_append.append(lambda: api.sensor(Status.EN_ROUTE_TO_PICKUP))

    assert api.put(customer_id="C-99", if_match="1")[0] == 412


def test_the_same_declaration_at_once_is_recorded_once(api: Api) -> None:
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


@pytest.mark.parametrize(
    "troubles",
    [[VersionConflict("D-1")] * MAX_DECISIONS, [StoreBusy("append", ("TransactionConflict",))]],
)
def test_a_request_that_could_not_be_written_is_503(api: Api, troubles: list[Any]) -> None:
    api.store.troubles = troubles
    status, _ = api.put()

    assert status == 503
    assert int(api.headers["Retry-After"]) >= 1
    assert api.put()[0] == 201


def test_a_store_that_is_unavailable_is_reported_and_logged(api: Api) -> None:
    def fail(_: str) -> None:
        raise ConnectTimeoutError(endpoint_url="http://dynamodb")

    api.store.get = fail

    assert api.get()[0] == 503
    assert "store_unavailable" in [line["event"] for line in api.log]


def test_a_fault_of_ours_is_a_response_and_a_trace_in_the_log(api: Api) -> None:
    def faulty(_: str) -> None:
        raise ZeroDivisionError("secret")

    api.store.get = faulty
    status, problem = api.get()

    assert status == 500
    assert "secret" not in json.dumps(problem)
    assert any("ZeroDivisionError" in line.get("trace", "") for line in api.log)


def test_tickets_are_for_viewers(api: Api) -> None:
    status, body = api.ticket(CUSTOMER)
    holder = api.tickets.spend(body["ticket"], NOW_MS)

    assert status == 201
    assert body["expires_at"] == "2026-11-24T07:10:30.312Z"
    assert api.headers["Cache-Control"] == "no-store"
    assert holder is not None
    assert (holder.role, holder.identity) == CUSTOMER
    assert holder.token_expires_at_ms == 1_795_506_600_000
    assert api.ticket(DISPATCHER)[0] == 201
    assert api.ticket(TRUCK)[0] == 403


def test_a_token_without_a_role_of_ours_gets_nowhere(api: Api) -> None:
    assert api.get(("admin", "root"))[0] == 403


def test_each_request_is_one_line_of_log_without_secrets(api: Api) -> None:
    api.put()
    (line,) = api.log

    assert line["event"] == "request"
    assert (line["route"], line["status"]) == ("PUT /deliveries/{delivery_id}", 201)
    assert (line["actor"], line["delivery_id"]) == ("dispatcher:ann", "D-1")
    assert line["request_id"] == "JKJaXmPLvHcESHA="
    assert "Bearer" not in api.lines.getvalue()


def test_settings_that_are_missing_are_all_named_before_anything_connects() -> None:
    with pytest.raises(SettingsError) as error:
        build({})
    assert len(error.value.problems) == 8


DAY_MS = 24 * 3_600_000


def test_a_truck_sees_what_is_open_and_what_was_closed_within_the_last_day(api: Api) -> None:
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


@pytest.mark.parametrize("caller", [TRUCK, CUSTOMER, DISPATCHER])
def test_a_revoked_identity_is_401_within_15_s_on_every_route(
    api: Api, caller: tuple[str, str]
) -> None:
    api.put()
    api.blocks.block(
        Block(
            subject=":".join(caller),
            kind=BlockKind.REVOKED,
            until_ms=NOW_MS + DAY_MS,
            reason="stolen",
            blocked_at_ms=NOW_MS,
        )
    )
    api.now_ms += 15_000
    responses = [api.put(caller), api.get(caller), api.list(caller), api.declare("failed", caller)]
    responses.append(api.ticket(caller))

    assert {status for status, _ in responses} == {401}
    assert api.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert [one for one in STRANGERS if api.get(one)[0] == 401] == []


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


def test_a_ticket_is_its_tokens(api: Api) -> None:
    event = called_by(aws_event("http_api_issue_ticket"), *CUSTOMER)
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    claims |= {"jti": "jti-7", "iat": "1795500000"}
    _, body = api.send(event)
    holder = api.tickets.spend(body["ticket"], api.now_ms)

    assert holder is not None
    assert (holder.token_id, holder.token_issued_at_ms) == ("jti-7", 1_795_500_000_000)


@pytest.mark.parametrize("caller", [TRUCK, CUSTOMER])
def test_requests_beyond_the_quota_are_429_and_read_nothing(
    api: Api, caller: tuple[str, str]
) -> None:
    api.put()
    taken = [api.get(caller)[0] for _ in range(60)]
    read, api.store.get = api.store.get, None  # type: ignore[method-assign, assignment]
    status, _ = api.get(caller)
    retry_after_s = int(api.headers["Retry-After"])
    api.store.get = read  # type: ignore[method-assign]
    api.now_ms += retry_after_s * 1_000

    assert set(taken) == {200}
    assert (status, retry_after_s) == (429, 1)
    assert api.get(caller)[0] == 200


def test_refusals_of_one_caller_have_a_line_now_and_then(api: Api) -> None:
    """A line costs more than the rest of a refusal, and a caller may be refused without end."""
    for _ in range(260):
        api.get(CUSTOMER)
    api.blocks.block(
        Block(
            subject="truck:T-0012",
            kind=BlockKind.REVOKED,
            until_ms=api.now_ms + 60_000,
            reason="stolen",
            blocked_at_ms=api.now_ms,
        )
    )
    api.now_ms += 10_000
    for _ in range(50):
        api.get(TRUCK)
    statuses = [line["status"] for line in api.log]

    assert statuses == [404] * 60 + [429, 401]


def test_one_callers_quota_is_no_others_and_dispatchers_have_none(api: Api) -> None:
    api.put()
    for _ in range(61):
        api.get(CUSTOMER)

    assert api.get(TRUCK)[0] == 200
    assert {api.get(DISPATCHER)[0] for _ in range(100)} == {200}


@pytest.mark.parametrize("caller", [TRUCK, CUSTOMER, DISPATCHER])
def test_a_request_around_the_edge_is_403(caller: tuple[str, str]) -> None:
    api = Api(edge_secrets="the-edges")
    event = called_by(aws_event("http_api_list_deliveries"), *caller)
    event["queryStringParameters"] = {"truck_id": "T-0012"} if caller == DISPATCHER else {}
    round_it = api.send(event)[0]
    event["headers"]["x-rtdts-edge"] = "the-edges"

    assert round_it == 403
    assert api.send(event)[0] == 200
