"""The poster against a real HTTP server on this machine that responds as API Gateway does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from broadcaster.connection_pool import ConnectionPool
from broadcaster.poster import SocketPoster
from broadcaster.sender import Payload, PostOutcome
from broadcaster.signing import Credentials, PostSigner
from rtdts.runtime.logs import Logger
from tests.support.waiting import NO_HURRY

CREDENTIALS = Credentials("AKID", "secret", "token")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FixedCredentials:
    def current(self) -> Credentials:
        return CREDENTIALS


class Api:
    """Responds to `POST` and `DELETE /live/@connections/{connection_id}` as scripted."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes, str]] = []
        self.peers: set[object] = set()
        self.handler: Handler = self._ok

    async def _ok(self, _: web.Request) -> web.StreamResponse:
        return web.Response()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        self.peers.add(transport.get_extra_info("peername"))
        self.received.append(
            (request.raw_path, await request.read(), request.headers["Authorization"])
        )
        return await self.handler(request)


@asynccontextmanager
async def posting_to(api: Api, timeout_s: float = 60.0) -> AsyncIterator[SocketPoster]:
    app = web.Application()
    for method in ("POST", "DELETE"):
        app.router.add_route(method, "/live/@connections/{connection_id}", api.handle)
    async with TestServer(app) as server:
        url = str(server.make_url("/live"))
        http = ConnectionPool(url, max_idle_s=60)
        yield SocketPoster(
            http,
            PostSigner(url, "eu-west-1"),
            FixedCredentials(),
            timeout_s=timeout_s,
            log=Logger("broadcaster", io.StringIO()),
        )
        http.close()


async def test_a_post_is_signed_and_reuses_its_connection() -> None:
    api = Api()
    async with posting_to(api) as poster:
        responses = [
            await poster.post("L0SM9c+F/Hw=", Payload.of(b'{"v":1}'), NO_HURRY) for _ in range(5)
        ]

    assert responses == [PostOutcome.DELIVERED] * 5
    path, body, authorization = api.received[0]
    assert (path, body) == ("/live/@connections/L0SM9c%2BF%2FHw%3D", b'{"v":1}')
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert len(api.peers) == 1


@pytest.mark.parametrize(
    ("status", "response"),
    [(204, PostOutcome.DELIVERED), (410, PostOutcome.GONE), (403, PostOutcome.FAILED)],
)
async def test_a_connection_is_ended_by_a_delete_request_without_a_body(
    status: int, response: PostOutcome
) -> None:
    api = Api()
    requested: list[tuple[str, str]] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        requested.append((request.method, request.headers["Content-Length"]))
        return web.Response(status=status)

    api.handler = respond
    async with posting_to(api) as poster:
        assert await poster.end("L0SM9c+F/Hw=") is response

    assert requested == [("DELETE", "0")]
    assert api.received[0][:2] == ("/live/@connections/L0SM9c%2BF%2FHw%3D", b"")


@pytest.mark.parametrize(
    ("status", "headers", "body", "response"),
    [
        (200, {}, "", PostOutcome.DELIVERED),
        (204, {}, "", PostOutcome.DELIVERED),
        (410, {"x-amzn-ErrorType": "GoneException"}, "", PostOutcome.GONE),
        (429, {}, '{"message":"Too Many Requests"}', PostOutcome.OVER_QUOTA),
        (429, {"x-amzn-ErrorType": "LimitExceededException"}, "", PostOutcome.THROTTLED),
        (400, {"x-amzn-ErrorType": "ThrottlingException:http://…"}, "", PostOutcome.OVER_QUOTA),
        (400, {"x-amzn-ErrorType": "RequestLimitExceeded"}, "", PostOutcome.OVER_QUOTA),
        (400, {"x-amzn-ErrorType": "LimitExceededException:http://…"}, "", PostOutcome.THROTTLED),
        (400, {}, '{"__type":"LimitExceededException"}', PostOutcome.THROTTLED),
        (403, {"x-amzn-ErrorType": "ForbiddenException"}, "", PostOutcome.FAILED),
        (400, {}, '{"message":"Invalid connectionId"}', PostOutcome.FAILED),
        (413, {"x-amzn-ErrorType": "PayloadTooLargeException"}, "", PostOutcome.FAILED),
        (302, {"Location": "/live/@connections/other"}, "", PostOutcome.FAILED),
        (500, {}, "gone GoneException 410", PostOutcome.FAILED),
        (503, {}, "", PostOutcome.FAILED),
    ],
)
async def test_the_outcome_follows_from_the_response(
    status: int, headers: dict[str, str], body: str, response: PostOutcome
) -> None:
    api = Api()

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers, text=body)

    api.handler = respond
    async with posting_to(api) as poster:
        assert await poster.post("a", Payload.of(b"x"), NO_HURRY) is response


async def test_a_post_without_a_response_delays_no_other_post_and_times_out() -> None:
    api = Api()
    release = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.match_info["connection_id"] == "slow":
            await release.wait()
        return web.Response()

    api.handler = respond
    async with posting_to(api) as patient, posting_to(api, timeout_s=0.3) as poster:
        slow = asyncio.create_task(patient.post("slow", Payload.of(b"x"), NO_HURRY))
        others = await asyncio.gather(
            *(patient.post(f"c-{number}", Payload.of(b"x"), NO_HURRY) for number in range(50))
        )
        was_waiting = not slow.done()
        timed_out = await poster.post("slow", Payload.of(b"x"), NO_HURRY)
        release.set()

        assert await slow is PostOutcome.DELIVERED

    assert others == [PostOutcome.DELIVERED] * 50
    assert was_waiting
    assert timed_out is PostOutcome.HUNG


async def test_no_message_is_lost_when_the_server_closed_a_pooled_connection() -> None:
    api = Api()
    broken = iter([False, True, False])

    async def respond(request: web.Request) -> web.StreamResponse:
        if next(broken):
            assert request.transport is not None
            request.transport.abort()
        return web.Response()

    api.handler = respond
    async with posting_to(api) as poster:
        responses = [await poster.post("a", Payload.of(b"x"), NO_HURRY) for _ in range(2)]

    assert responses == [PostOutcome.DELIVERED] * 2
    assert len(api.received) == 3


async def test_a_post_to_a_port_without_a_listener_fails() -> None:
    poster = SocketPoster(
        ConnectionPool("http://127.0.0.1:1/live", max_idle_s=60),
        PostSigner("http://127.0.0.1:1/live", "eu-west-1"),
        FixedCredentials(),
        timeout_s=1,
        log=Logger("broadcaster", io.StringIO()),
    )

    assert await poster.post("a", Payload.of(b"x"), NO_HURRY) is PostOutcome.FAILED
