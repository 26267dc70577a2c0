"""track_lambda from the gateway's event to its response, on fakes, as documented."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from rtdts.delivery_store.block_list import BlockList
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.writer import HistoryWrite
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger
from rtdts.runtime.rate_limits import RateLimits
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.runtime.settings import SettingsError
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.instants import format_instant
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_position_store import FakePositionStore
from tests.support.aws_events import aws_event, called_by
from tests.support.blocks import revocation
from tests.support.consumer_world import START_MS, point
from tests.support.openapi_schema import validate_response
from track_lambda.bootstrap import App, build
from track_lambda.handler import PAGE_POINTS, handle

DISPATCHER = ("dispatcher", "ann")
HOUR_MS = 3_600_000
FROM, TO = format_instant(START_MS), format_instant(START_MS + HOUR_MS)


class Api:
    """A track_lambda on fakes."""

    def __init__(self, edge_secrets: str = "", *, pages: int = 60) -> None:
        self.now_ms = START_MS
        self.history = FakePositionStore()
        self.blocks = FakeBlockStore()
        self.lines = io.StringIO()
        log = Logger("track_lambda", self.lines)
        self.app = App(
            tracks=self.history,
            identity_claim="sub",
            blocks=BlockList(self.blocks, log=log, now_ms=lambda: START_MS),
            edge=Edge(edge_secrets),
            pages=RateLimits(per_minute=pages, burst_minutes=1),
            rejection_log=RejectionLogLimiter(),
            log=log,
            now_ms=lambda: self.now_ms,
        )

    def drives(self, truck_id: str, points: int) -> None:
        for second in range(points):
            fix = fix_of(point(second, 10.0 * second, truck_id=truck_id))
            self.history.write_history([HistoryWrite(fix=fix, knowledge=2)])

    def get(
        self, truck_id: str = "T-1", caller: tuple[str, str] = DISPATCHER, **query: str
    ) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_list_deliveries"), *caller)
        event["routeKey"] = "GET /trucks/{truck_id}/track"
        event["pathParameters"] = {"truck_id": truck_id}
        event["queryStringParameters"] = query or None
        response = handle(event, self.app)
        self.headers = response["headers"]
        value = validate_response(
            "GET",
            "/trucks/{truck_id}/track",
            response["statusCode"],
            response["headers"],
            response["body"],
        )
        return response["statusCode"], value

    def track(self, **more: Any) -> tuple[int, Any]:
        return self.get(**({"from": FROM, "to": TO} | more))


@pytest.fixture
def api() -> Api:
    return Api()


def test_a_track_is_read_page_by_page(api: Api) -> None:
    api.drives("T-1", PAGE_POINTS + 5)
    api.drives("T-2", 3)
    status, first = api.track()
    _, second = api.track(cursor=first["next_cursor"])
    read = [one["at"] for page in (first, second) for one in page["points"]]

    assert (status, first["truck_id"]) == (200, "T-1")
    assert [len(page["points"]) for page in (first, second)] == [PAGE_POINTS, 5]
    assert second["next_cursor"] is None
    assert read == [format_instant(START_MS + n * 1_000) for n in range(PAGE_POINTS + 5)]


def test_an_unknown_truck_has_an_empty_track(api: Api) -> None:
    assert api.track() == (200, {"truck_id": "T-1", "points": [], "next_cursor": None})


@pytest.mark.parametrize(
    "caller", [("customer", "C-88"), ("truck", "T-1"), ("share", "x"), ("", "")]
)
def test_only_dispatchers_may_read_tracks(api: Api, caller: tuple[str, str]) -> None:
    api.drives("T-1", 2)

    assert api.track(caller=caller)[0] == 403


def test_a_revoked_dispatcher_reads_nothing(api: Api) -> None:
    block = revocation("dispatcher:ann", START_MS)
    api.blocks.block(block)

    assert api.track()[0] == 401


def test_a_request_that_bypassed_the_edge_is_403() -> None:
    assert Api(edge_secrets="s" * 20).track()[0] == 403


DAY = format_instant(START_MS + 24 * HOUR_MS)
MORE = format_instant(START_MS + 24 * HOUR_MS + 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "from"),
        ({"from": FROM}, "to"),
        ({"to": TO}, "from"),
        ({"from": "yesterday", "to": TO}, "from"),
        ({"from": FROM, "to": "2026-11-24T06:52:48"}, "to"),
        ({"from": FROM, "to": FROM}, "to"),
        ({"from": TO, "to": FROM}, "to"),
        ({"from": FROM, "to": MORE}, "to"),
        ({"from": FROM, "to": TO, "cursor": "x"}, "cursor"),
        ({"from": FROM, "to": TO, "cursor": "!!!"}, "cursor"),
        ({"from": FROM, "to": TO, "cursor": "A" * 22}, "cursor"),
        ({"from": FROM, "to": TO, "cursor": "A" * 5_000}, "cursor"),
    ],
)
def test_an_invalid_parameter_is_named(api: Api, query: dict[str, Any], field: str) -> None:
    status, problem = api.get(**query)

    assert (status, problem["field"]) == (400, field)
    assert problem["detail"].startswith(f"{field}: ")


def test_a_track_may_cover_a_day(api: Api) -> None:
    assert api.track(to=DAY)[0] == 200


@pytest.mark.parametrize("truck_id", ["", "T 1", "x" * 65, "*", "T-1,T-2"])
def test_an_invalid_truck_id_is_400_and_not_searched_for(api: Api, truck_id: str) -> None:
    status, problem = api.track(truck_id=truck_id)

    assert (status, problem["field"]) == (400, "truck_id")


def test_a_cursor_is_valid_only_for_its_own_track(api: Api) -> None:
    for truck_id in ("T-1", "T-2"):
        api.drives(truck_id, PAGE_POINTS + 5)
    cursor = api.track()[1]["next_cursor"]
    others = [
        api.track(truck_id="T-2", cursor=cursor)[0],
        api.track(to=DAY, cursor=cursor)[0],
    ]

    assert others == [400, 400]
    assert api.track(cursor=cursor)[0] == 200


def test_pages_beyond_a_dispatchers_quota_are_429_and_search_nothing() -> None:
    """A search uses the store that all viewers and trucks need."""
    api = Api(pages=6)
    within = [api.track()[0] for _ in range(6)]
    api.history.troubles["page"] = [AssertionError("searched")]

    status, problem = api.track()

    assert within == [200] * 6
    assert (status, problem["status"]) == (429, 429)
    assert api.headers["Retry-After"] == "10"


def test_the_quota_is_per_dispatcher_and_is_refilled_over_time() -> None:
    api = Api(pages=6)
    for _ in range(7):
        api.track()
    other = api.track(caller=("dispatcher", "ben"))[0]
    api.now_ms += 10_000

    assert (other, api.track()[0], api.track()[0]) == (200, 200, 429)


def test_an_invalid_request_does_not_count_towards_the_quota() -> None:
    api = Api(pages=1)
    for _ in range(3):
        assert api.get()[0] == 400

    assert api.track()[0] == 200


def test_an_unavailable_store_is_503(api: Api) -> None:
    api.history.troubles["page"] = [StoreUnavailable("read a track", 503, "unavailable")]
    status, _ = api.track()

    assert status == 503
    assert api.headers["Retry-After"] == "1"


def test_an_internal_error_is_a_500_without_detail(api: Api) -> None:
    api.history.troubles["page"] = [KeyError("secret")]
    status, problem = api.track()

    assert status == 500
    assert "secret" not in json.dumps(problem)
    assert "secret" in api.lines.getvalue()


@pytest.mark.parametrize("caller", [("customer", "C-88"), ("truck", "T-1"), DISPATCHER])
def test_refused_requests_are_logged_at_a_limited_rate(caller: tuple[str, str]) -> None:
    api = Api(pages=1)
    api.track()
    logged = len(api.lines.getvalue().splitlines())
    refused = {api.track(caller=caller)[0] for _ in range(50)}
    lines = [json.loads(line) for line in api.lines.getvalue().splitlines()[logged:]]

    assert refused <= {403, 429}
    assert [line["actor"] for line in lines] == [":".join(caller)]


def test_each_request_logs_one_line(api: Api) -> None:
    api.track()
    (line,) = [json.loads(line) for line in api.lines.getvalue().splitlines()]

    assert (line["event"], line["status"], line["truck_id"]) == ("request", 200, "T-1")
    assert line["actor"] == "dispatcher:ann"


def test_settings_that_are_missing_are_all_named_before_anything_connects() -> None:
    with pytest.raises(SettingsError) as error:
        build({})

    assert len(error.value.problems) == 3
