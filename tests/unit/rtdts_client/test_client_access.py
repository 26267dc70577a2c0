"""Tickets: what is sent for them, and what each response means."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from rtdts_client import (
    HttpResponse,
    Place,
    Step,
    Ticket,
    TicketRejected,
    Unavailable,
    Window,
    customer_access,
    share_access,
)
from rtdts_client.protocol import Open, Ticketed
from rtdts_client.timing import Timing, backoff_ms

AT = "2026-11-24T07:11:00.050Z"
SHARED: dict[str, Any] = {
    "ticket": "t-1",
    "expires_at": AT,
    "delivery": {
        "delivery_id": "D-1",
        "status": "in_transit",
        "since": AT,
        "version": 3,
        "window": {"start": AT, "end": AT},
        "origin": {"lat": 35, "lon": 129.1, "name": "Depot"},
        "destination": {"lat": 35.2, "lon": 129.2, "name": None},
        "timeline": [{"status": "assigned", "at": AT}],
        "failure_code": None,
        "stops_before": 2,
        "ended": False,
    },
}


class Server:
    """Returns the response that the test chooses, and records the requests."""

    def __init__(self, status: int, body: object = None, retry_after: str | None = None) -> None:
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self._response = HttpResponse(status, retry_after, json.dumps(body).encode())

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        self.requests.append((url, headers, body))
        return self._response


async def jwt() -> str:
    return "a.b.c"


async def test_a_share_returns_a_ticket_and_a_summary_of_the_delivery() -> None:
    server = Server(201, SHARED)

    given = await share_access("https://api.test", "D-1~x", post=server)()

    assert isinstance(given, Ticket)
    assert (given.ticket, given.delivery_id) == ("t-1", "D-1")
    assert given.summary is not None
    assert given.summary.window == Window(AT, AT)
    assert given.summary.origin == Place(35.0, 129.1, "Depot")
    assert given.summary.timeline == (Step("assigned", AT),)
    assert given.summary.stops_before == 2
    (request,) = server.requests
    assert request == (
        "https://api.test/shares/tickets",
        {"Content-Type": "application/json"},
        b'{"token": "D-1~x"}',
    )


async def test_summary_fields_that_break_the_contract_are_left_out() -> None:
    odd = {"delivery_id": "D-1", "status": "in_transit", "window": "soon", "origin": {"lat": "x"}}

    given = await share_access(
        "https://api.test", "x", post=Server(201, {**SHARED, "delivery": odd})
    )()

    assert isinstance(given, Ticket)
    assert given.summary is not None
    assert (given.summary.window, given.summary.origin, given.summary.version) == (None, None, 0)


async def test_a_customer_sends_its_jwt_and_no_repr_contains_the_ticket() -> None:
    server = Server(201, {"ticket": "t-1", "expires_at": AT})

    given = await customer_access("https://api.test", "D-1", jwt, post=server)()

    assert given == Ticket("t-1", "D-1")
    assert "t-1" not in repr((given, Ticketed(1, "t-1", "D-1"), Open(1, "t-1")))
    assert server.requests == [("https://api.test/tickets", {"Authorization": "Bearer a.b.c"}, b"")]


@pytest.mark.parametrize(
    ("server", "failure"),
    [
        (Server(401), TicketRejected("not_valid")),
        (Server(403), TicketRejected("forbidden")),
        (Server(404), TicketRejected("not_found")),
        (Server(410), TicketRejected("gone")),
        (Server(302), TicketRejected("refused")),
        (Server(400), TicketRejected("refused")),
        (Server(429, retry_after="7"), Unavailable(7000)),
        (Server(503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), Unavailable()),
        (Server(503, retry_after="-1"), Unavailable()),
        (Server(503, retry_after="inf"), Unavailable()),
        (Server(500), Unavailable()),
        (Server(201, "no object"), Unavailable()),
        (Server(201, {"ticket": 1}), Unavailable()),
    ],
)
async def test_each_failed_response_returns_its_kind_of_failure(
    server: Server, failure: object
) -> None:
    assert await share_access("https://api.test", "x", post=server)() == failure
    assert await customer_access("https://api.test", "D-1", jwt, post=server)() == failure


async def test_a_missing_response_or_jwt_is_a_temporary_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        raise ConnectionRefusedError

    async def signed_out() -> str:
        raise LookupError("no session")

    caplog.set_level(logging.WARNING)

    assert await share_access("https://api.test", "x", post=fail)() == Unavailable()
    assert await customer_access("https://api.test", "D-1", signed_out)() == Unavailable()
    assert "no session" in caplog.text


def test_the_wait_grows_to_its_limit_and_stays_there_for_ever() -> None:
    waits = [backoff_ms(failures, 1.0, Timing()) for failures in (1, 2, 6, 7, 2000)]

    assert waits == [500, 1000, 16_000, 20_000, 20_000]
