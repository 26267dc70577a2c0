"""The fleet's and the back office's HTTP clients against a local test server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sim.drive.deliveries_api import ApiError, DeliveriesApi
from sim.drive.stores import StoreError, StoreReader
from sim.fleet.http_poster import http_poster
from sim.fleet.trips import Geofence
from sim.fleet.uploader import UnreachableError

Handler = Callable[[web.Request], Awaitable[web.Response]]

PLACE = Geofence(48.0, 11.0, 50.0)
RECORD = {
    "delivery_id": "D-1",
    "truck_id": "T-1",
    "customer_id": "C-1",
    "status": "assigned",
    "version": 1,
    "assignment": 1,
    "origin": {"lat": 48.0, "lon": 11.0, "radius_m": 50.0},
    "destination": {"lat": 48.0, "lon": 11.0, "radius_m": 50.0},
    "events": [
        {
            "version": 1,
            "status": "assigned",
            "effective_at": "2026-11-24T07:00:00.000Z",
            "cause": "assigned",
        }
    ],
}


class Service:
    """Responds as scripted, and keeps its requests."""

    def __init__(self) -> None:
        self.script: list[tuple[int, Any]] = []
        self.requested: list[dict[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.requested.append(
            {
                "method": request.method,
                "path": request.path,
                "headers": request.headers,
                "body": await request.read(),
            }
        )
        status, body = self.script.pop(0)
        return web.json_response(body, status=status)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    scripted = Service()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    async with TestServer(app) as server:
        yield scripted, str(server.make_url("")).rstrip("/")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def token(*, fresh: bool) -> str:
    return "fresh" if fresh else "kept"


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


async def test_a_delivery_is_put_with_its_plan_and_the_token(
    service: tuple[Service, str], session: aiohttp.ClientSession
) -> None:
    scripted, url = service
    scripted.script = [(201, RECORD)]
    api = DeliveriesApi(session, url, token)
    record = await api.put(
        "D-1",
        truck_id="T-1",
        customer_id="C-1",
        origin=PLACE,
        destination=PLACE,
        stop_sequence=1,
    )

    assert (record.customer_id, record.events[0].status) == ("C-1", "assigned")
    assert scripted.requested[0]["method"] == "PUT"
    assert scripted.requested[0]["path"] == "/deliveries/D-1"
    assert scripted.requested[0]["headers"]["Authorization"] == "Bearer kept"


async def test_a_declaration_has_its_idempotency_key(
    service: tuple[Service, str], session: aiohttp.ClientSession
) -> None:
    scripted, url = service
    scripted.script = [(201, RECORD)]
    await DeliveriesApi(session, url, token).declare("D-1", "picked_up", at_ms=0, key="k")

    assert scripted.requested[0]["headers"]["Idempotency-Key"] == "k"
    assert b'"at": "1970-01-01T00:00:00.000Z"' in scripted.requested[0]["body"]


async def test_temporary_failures_are_retried_and_permanent_ones_raised(
    service: tuple[Service, str], session: aiohttp.ClientSession
) -> None:
    scripted, url = service
    api = DeliveriesApi(session, url, token, sleep=no_sleep)
    scripted.script = [(500, {}), (429, {}), (401, {}), (200, RECORD)]

    assert (await api.get("D-1")).delivery_id == "D-1"
    assert scripted.requested[-1]["headers"]["Authorization"] == "Bearer fresh"

    scripted.script = [(409, {"detail": "closed"})]
    with pytest.raises(ApiError, match="closed") as rejected:
        await api.get("D-1")

    assert rejected.value.status == 409


async def test_an_error_is_raised_when_the_retry_budget_is_spent(
    service: tuple[Service, str], session: aiohttp.ClientSession
) -> None:
    scripted, url = service
    scripted.script = [(500, {})]
    api = DeliveriesApi(session, url, token, sleep=no_sleep, retry_for_s=0.0)

    with pytest.raises(ApiError):
        await api.get("D-1")


async def test_a_response_that_is_not_a_delivery_is_an_error(
    service: tuple[Service, str], session: aiohttp.ClientSession
) -> None:
    scripted, url = service
    scripted.script = [(200, {"delivery_id": "D-1"})]

    with pytest.raises(ApiError, match="incomplete"):
        await DeliveriesApi(session, url, token).get("D-1")


async def test_telemetry_is_posted_and_the_response_returned(
    service: tuple[Service, str], session: aiohttp.ClientSession
) -> None:
    scripted, url = service
    scripted.script = [(503, {"not_taken": [0]})]
    response = await http_poster(session, url)(b"{}", "application/gzip", "token")

    assert (response.status, response.body) == (503, b'{"not_taken": [0]}')
    assert scripted.requested[0]["path"] == "/telemetry"
    assert scripted.requested[0]["headers"]["Content-Type"] == "application/gzip"
    assert scripted.requested[0]["headers"]["Authorization"] == "Bearer token"


async def test_a_missing_server_raises_unreachable_or_store_error(
    session: aiohttp.ClientSession,
) -> None:
    nowhere = "http://127.0.0.1:9"  # the discard port: no listener

    with pytest.raises(UnreachableError):
        await http_poster(session, nowhere)(b"{}", "application/json", "token")
    with pytest.raises(StoreError):
        await StoreReader(session, nowhere).count({"T-1": ["T-1:1:1"]})
