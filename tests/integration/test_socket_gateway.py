"""The local WebSocket gateway over loopback, with functions of the test as Lambdas."""

from __future__ import annotations

import asyncio
import io
import json
import socket as sockets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from broadcaster.connection_pool import ConnectionPool
from broadcaster.poster import SocketPoster
from broadcaster.sender import Payload, PostOutcome
from broadcaster.signing import Credentials, PostSigner
from rtdts.runtime.logs import Logger
from sim.local_cloud.socket_gateway.catalog import Catalog
from sim.local_cloud.socket_gateway.definitions import Api, Authorizer, FunctionError, Route
from sim.local_cloud.socket_gateway.gateway import ApisPort, Gateway
from sim.local_cloud.socket_gateway.settings import FRAME_BYTES, MESSAGE_BYTES, Settings
from sim.local_cloud.socket_gateway.sockets import GatewayProtocol
from tests.support.waiting import NO_HURRY, SHORT_DEADLINE_S

KEY, SECRET, REGION = "test", "test", "eu-central-1"
PATH = "/_aws/execute-api/abc/live"
NEVER_OPENED = "JKJbWfMPLAMCJ1Q="


class Lambdas:
    """Records events. By default it allows a connection, and responds with the connection id."""

    def __init__(self) -> None:
        self.events: dict[str, list[Mapping[str, Any]]] = {}
        self.changed = asyncio.Condition()
        self.before: Callable[[Mapping[str, Any]], Awaitable[Any]] | None = None

    async def invoke(self, arn: str, event: Mapping[str, Any], request_id: str) -> Any:
        async with self.changed:
            self.events.setdefault(event["requestContext"]["routeKey"], []).append(event)
            self.changed.notify_all()
        response = await self.before(event) if self.before else None
        if response is not None:
            return response
        return {"statusCode": 200, "body": event["requestContext"]["connectionId"]}

    async def got(self, route: str, count: int = 1) -> list[Mapping[str, Any]]:
        async with asyncio.timeout(SHORT_DEADLINE_S), self.changed:
            await self.changed.wait_for(lambda: len(self.events.get(route, ())) >= count)
        return self.events[route]


class Apis:
    def __init__(self, *, has_default: bool = True, authorizer: Authorizer | None = None) -> None:
        responding = Route(function_arn="f", responds=True)
        routes = {
            "$connect": Route(function_arn="f", authorizer=authorizer),
            "$disconnect": Route(function_arn="f"),
            "quiet": Route(function_arn="f"),
        }
        self._api = Api(
            api_id="abc",
            account="1",
            region=REGION,
            selection="$request.body.action",
            stages={"live": {}},
            routes={**routes, "$default": responding} if has_default else routes,
        )

    async def api(self, api_id: str) -> Api | None:
        return self._api if api_id == "abc" else None


class Running:
    """A gateway that listens, and the events of its Lambdas."""

    def __init__(self, gateway: Gateway, lambdas: Lambdas, port: int) -> None:
        self.gateway = gateway
        self.lambdas = lambdas
        self.url = f"ws://127.0.0.1:{port}{PATH}"
        self.port = port
        self._http = ConnectionPool(f"http://127.0.0.1:{port}", max_idle_s=60)
        self._poster = SocketPoster(
            self._http,
            PostSigner(f"http://127.0.0.1:{port}{PATH}", REGION),
            self,
            timeout_s=SHORT_DEADLINE_S,
            log=Logger("test", io.StringIO()),
        )

    def current(self) -> Credentials:
        return Credentials(KEY, SECRET)

    def close(self) -> None:
        self._http.close()

    async def post(self, connection_id: str, message: bytes = b"x") -> PostOutcome:
        return await self._poster.post(connection_id, Payload.of(message), NO_HURRY)

    @asynccontextmanager
    async def viewer(self) -> AsyncIterator[tuple[ClientConnection, str]]:
        async with connect(self.url, ping_interval=None) as socket:
            await socket.send("{}")
            yield socket, str(await receive(socket))


async def receive(socket: ClientConnection) -> str | bytes:
    async with asyncio.timeout(SHORT_DEADLINE_S):
        return await socket.recv()


@asynccontextmanager
async def running(apis: ApisPort | None = None, **changed: Any) -> AsyncIterator[Running]:
    settings = Settings.without_aws(
        region=REGION,
        access_key_id=KEY,
        secret_access_key=SECRET,
        **changed,
    )
    lambdas = Lambdas()
    gateway = Gateway(settings, apis or Apis(), lambdas)
    listener = sockets.create_server(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        GatewayProtocol.factory(gateway, gateway.serve), sock=listener
    )
    limits = asyncio.create_task(gateway.keep_limits())
    made = Running(gateway, lambdas, listener.getsockname()[1])
    try:
        yield made
    finally:
        made.close()
        limits.cancel()
        server.close()
        await gateway.stop()


async def drain(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


async def closing_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await socket.wait_closed()
    return socket.close_code


async def test_a_frame_or_message_beyond_the_limit_closes_the_socket_with_1009() -> None:
    async with running() as it:
        async with it.viewer() as (socket, _):
            await socket.send("x" * (FRAME_BYTES + 1))
            assert await closing_code(socket) == 1009
        async with it.viewer() as (socket, _):
            await socket.send(["x" * FRAME_BYTES] * (MESSAGE_BYTES // FRAME_BYTES + 1))
            assert await closing_code(socket) == 1009
        reported = await it.lambdas.got("$disconnect", 2)

    assert [one["requestContext"]["disconnectStatusCode"] for one in reported] == [1009, 1009]


async def test_a_message_of_several_frames_is_one_message() -> None:
    async with running() as it, it.viewer() as (socket, _):
        await socket.send(["a" * FRAME_BYTES, "b" * FRAME_BYTES])
        await receive(socket)

        assert it.lambdas.events["$default"][-1]["body"] == "a" * FRAME_BYTES + "b" * FRAME_BYTES


async def test_a_text_frame_that_is_not_utf8_closes_the_socket_with_1007() -> None:
    async with running() as it, it.viewer() as (socket, _):
        await socket.send(b"\xff\xfe", text=True)

        assert await closing_code(socket) == 1007


async def test_an_idle_socket_is_closed_with_1001() -> None:
    async with running(idle_s=0.1) as it, connect(it.url) as socket:
        assert await closing_code(socket) == 1001
        (opened,) = await it.lambdas.got("$connect")
        assert await it.post(opened["requestContext"]["connectionId"]) is PostOutcome.GONE
        (reported,) = await it.lambdas.got("$disconnect")

    assert reported["requestContext"]["disconnectStatusCode"] == 1001


async def test_a_socket_in_use_is_closed_at_the_end_of_its_maximum_lifetime() -> None:
    async with running(life_s=0.3, idle_s=600) as it, connect(it.url) as socket:
        (opened,) = await it.lambdas.got("$connect")
        name = opened["requestContext"]["connectionId"]
        reading = asyncio.create_task(drain(socket))
        while await it.post(name) is PostOutcome.DELIVERED:
            pass
        await reading

        assert await closing_code(socket) == 1001


async def test_posts_are_410_until_connect_has_responded_and_after_the_disconnect() -> None:
    async with running() as it:
        responses = []

        async def post_early(event: Mapping[str, Any]) -> None:
            if event["requestContext"]["routeKey"] == "$connect":
                responses.append(await it.post(event["requestContext"]["connectionId"]))

        it.lambdas.before = post_early
        async with it.viewer() as (_, name):
            assert await it.post(name) is PostOutcome.DELIVERED
        await it.lambdas.got("$disconnect")

        assert responses == [PostOutcome.GONE]
        assert await it.post(name) is PostOutcome.GONE
        assert await it.post(NEVER_OPENED) is PostOutcome.GONE


async def test_a_message_larger_than_a_frame_is_not_posted() -> None:
    async with running() as it, it.viewer() as (_, name):
        assert await it.post(name, b"x" * (FRAME_BYTES + 1)) is PostOutcome.FAILED


async def test_posts_beyond_a_connections_rate_are_throttled_for_that_connection_only() -> None:
    async with (
        running(posts_per_s=0.001, post_burst=2) as it,
        it.viewer() as (_, one),
        it.viewer() as (_, other),
    ):
        responses = [await it.post(one) for _ in range(3)]

        assert responses == [PostOutcome.DELIVERED, PostOutcome.DELIVERED, PostOutcome.THROTTLED]
        assert await it.post(other) is PostOutcome.DELIVERED


async def test_posts_beyond_the_accounts_rate_are_throttled_for_all() -> None:
    async with (
        running(requests_per_s=0.001, request_burst=4) as it,
        it.viewer() as (_, one),
        it.viewer() as (socket, other),  # a frame each
    ):
        responses = [await it.post(name) for name in (one, other, one, other)]
        await socket.send("{}")
        reported = [await receive(socket), await receive(socket)]

    assert responses == [PostOutcome.DELIVERED] * 2 + [PostOutcome.OVER_QUOTA] * 2
    assert "Too Many Requests" in str(reported)


async def test_a_new_connection_beyond_the_accounts_rate_is_rejected_with_429() -> None:
    async with running(connects_per_s=1) as it, connect(it.url):
        with pytest.raises(InvalidStatus) as rejected:
            await connect(it.url)

    assert rejected.value.response.status_code == 429


async def test_posts_to_a_client_that_does_not_read_are_throttled() -> None:
    async with running(client_buffer_bytes=1_024) as it, it.viewer() as (socket, name):
        socket.transport.pause_reading()
        responses: list[PostOutcome] = []
        while PostOutcome.THROTTLED not in responses and len(responses) < 1_000:
            responses.append(await it.post(name, b"x" * FRAME_BYTES))

        assert responses[-1] is PostOutcome.THROTTLED
        socket.transport.abort()


async def test_messages_are_reordered_only_if_the_setting_requests_it() -> None:
    async with running(disorder_ms=50) as it, it.viewer() as (socket, name):
        sent = [str(number) for number in range(50)]
        for one in sent:
            assert await it.post(name, one.encode()) is PostOutcome.DELIVERED
        received = [await receive(socket) for _ in sent]

    assert sorted(map(str, received)) == sorted(sent)
    assert received != sent


async def test_a_message_without_a_route_is_forbidden_if_there_is_no_default_route() -> None:
    async with running(Apis(has_default=False)) as it, connect(it.url) as socket:
        await socket.send("{}")
        reported = json.loads(await receive(socket))

    assert reported["message"] == "Forbidden"
    assert {"connectionId", "requestId"} < reported.keys()


async def test_the_result_of_a_route_without_a_response_is_not_sent() -> None:
    async with running() as it, it.viewer() as (socket, name):
        await socket.send('{"action":"quiet"}')
        await it.lambdas.got("quiet")
        await it.post(name, b"posted")

        assert await receive(socket) == "posted"


async def test_a_handler_that_fails_at_connect_rejects_the_socket() -> None:
    async with running() as it:

        async def fail(event: Mapping[str, Any]) -> FunctionError:
            return FunctionError("broken")

        it.lambdas.before = fail
        with pytest.raises(InvalidStatus) as rejected:
            await connect(it.url)

    assert rejected.value.response.status_code == 502


@pytest.mark.parametrize("path", ["/", "/_aws/execute-api/other/live", f"{PATH}x"])
async def test_a_socket_with_an_unknown_api_or_stage_is_forbidden(path: str) -> None:
    async with running() as it:
        with pytest.raises(InvalidStatus) as rejected:
            await connect(f"ws://127.0.0.1:{it.port}{path}")

    assert rejected.value.response.status_code == 403


async def test_a_socket_gets_a_500_if_its_api_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the local AWS closes connections because it is overloaded or stopped."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    async def break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as breaking:
        url = f"http://127.0.0.1:{breaking.sockets[0].getsockname()[1]}"
        session = boto3.Session(KEY, SECRET, region_name=REGION)
        async with running(Catalog(session, url, tmp_path)) as it:
            with pytest.raises(InvalidStatus) as rejected:
                await connect(f"{it.url}?ticket=secret", open_timeout=SHORT_DEADLINE_S)

    response = rejected.value.response
    assert response.status_code == 500
    assert json.loads(response.body)["message"] == "Internal server error"


async def test_an_authorizer_is_not_invoked_without_its_identity_sources() -> None:
    wanting = Authorizer(function_arn="a", identity_sources=("route.request.querystring.ticket",))
    async with running(Apis(authorizer=wanting)) as it:
        with pytest.raises(InvalidStatus) as rejected:
            await connect(it.url)

    assert rejected.value.response.status_code == 401
    assert it.lambdas.events == {}


async def test_a_client_that_leaves_during_connect_causes_a_disconnect_event() -> None:
    async with running() as it:
        may_continue = asyncio.Event()

        async def wait(event: Mapping[str, Any]) -> None:
            if event["requestContext"]["routeKey"] == "$connect":
                await may_continue.wait()

        it.lambdas.before = wait
        connecting = asyncio.create_task(connect(it.url).__aenter__())
        await it.lambdas.got("$connect")
        connecting.cancel()
        await asyncio.wait({connecting})
        may_continue.set()
        (reported,) = await it.lambdas.got("$disconnect")

        assert reported["requestContext"]["disconnectStatusCode"] in (1001, 1006)
        assert len(it.gateway) == 0


async def test_pipelined_and_fragmented_requests_are_read_correctly() -> None:
    async with running() as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        request = b"GET /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        writer.write(request + request[:10])
        first = await reader.readuntil(b'"healthy"')
        writer.write(request[10:])
        second = await reader.readuntil(b'"healthy"')
        writer.write(b"POST /ping HTTP/1.1\r\nContent-Length: x\r\n\r\n")
        third = await reader.read()
        writer.close()

    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 200 ")
    assert third.startswith(b"HTTP/1.1 400 ")
