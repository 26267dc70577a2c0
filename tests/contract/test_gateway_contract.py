"""What socket gateways promise about posts: the fake, ministack's and ours, with both clients."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection, connect

from broadcaster.connection_pool import ConnectionPool
from broadcaster.poster import SocketPoster
from broadcaster.sender import Payload, PostOutcome
from broadcaster.signing import Credentials, PostSigner
from rtdts.runtime.logs import Logger
from sim.local_cloud.gateways import Gateways
from sim.local_cloud.resources import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from socket_lambda.connection import ConnectionPoster
from tests.fakes.aws_limits import SOCKET_FRAME_BYTES, SOCKET_MESSAGE_BYTES
from tests.fakes.fake_gateway import FakeGateway
from tests.support.echo_gateway import create_echo_gateway
from tests.support.ministack_process import REGION
from tests.support.socket_gateway_process import running_socket_gateway
from tests.support.waiting import NO_HURRY, SHORT_DEADLINE_S

PONG = b'{"v":1,"type":"pong","sent_at":"2026-11-24T06:52:48.120Z"}'
ENDED = PONG.replace(b"pong", b"ended").replace(
    b"}", b',"delivery_id":"\xe2\x98\x8e","reason":"x"}'
)
NO_VIEWERS = "JKJbWfMPLAMCJ1Q="


class Gateway(Protocol):
    """A gateway with viewers, seen from both of its sides."""

    async def open(self) -> str:
        """Connects a viewer, and returns its connection id."""

    async def close(self, connection_id: str) -> None:
        """Disconnects a viewer, and waits until the gateway has detected it."""

    async def post(self, connection_id: str, message: bytes) -> PostOutcome:
        """Posts a message as our code does."""

    async def end(self, connection_id: str) -> PostOutcome:
        """Ends a connection as our code does."""

    async def received(self, connection_id: str, count: int) -> list[bytes]:
        """Returns the first messages that the viewer received."""


class Fake:
    def __init__(self) -> None:
        self._gateway = FakeGateway()
        self._names = (f"connection-{number}=" for number in itertools.count())
        self._gateway.respond_with(NO_VIEWERS, PostOutcome.GONE)

    async def open(self) -> str:
        return next(self._names)

    async def close(self, connection_id: str) -> None:
        self._gateway.respond_with(connection_id, PostOutcome.GONE)

    async def post(self, connection_id: str, message: bytes) -> PostOutcome:
        return await self._gateway.post(connection_id, Payload.of(message), NO_HURRY)

    async def end(self, connection_id: str) -> PostOutcome:
        return await self._gateway.end(connection_id)

    async def received(self, connection_id: str, count: int) -> list[bytes]:
        return [payload.data for payload in self._gateway.payloads[connection_id]][:count]


class Real:
    """An emulated gateway with real sockets; posts go through one of our two clients."""

    def __init__(self, gateways: Gateways, poster: Any, ender: Any, stack: AsyncExitStack) -> None:
        self._gateways = gateways
        self._poster = poster
        self._ender = ender
        self._stack = stack
        self._sockets: dict[str, ClientConnection] = {}

    async def open(self) -> str:
        socket = await self._stack.enter_async_context(connect(self._gateways.websocket_url))
        await socket.send("{}")
        async with asyncio.timeout(SHORT_DEADLINE_S):
            connection_id = str(await socket.recv())
        self._sockets[connection_id] = socket
        return connection_id

    async def close(self, connection_id: str) -> None:
        await self._sockets[connection_id].close()
        async with asyncio.timeout(SHORT_DEADLINE_S):
            # The gateway detects it a moment later, and has nothing to await.
            while await self.post(connection_id, PONG) is PostOutcome.DELIVERED:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def post(self, connection_id: str, message: bytes) -> PostOutcome:
        response: PostOutcome = await self._poster(connection_id, message)
        return response

    async def end(self, connection_id: str) -> PostOutcome:
        response: PostOutcome = await self._ender(connection_id)
        return response

    async def received(self, connection_id: str, count: int) -> list[bytes]:
        async with asyncio.timeout(SHORT_DEADLINE_S):
            return [(await self._sockets[connection_id].recv(decode=False)) for _ in range(count)]


class FixedCredentials:
    def current(self) -> Credentials:
        return Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


@pytest.fixture(scope="module")
def ministacks(aws_endpoint: str) -> Gateways:
    return create_echo_gateway(aws_endpoint)


@pytest.fixture(scope="module")
def ours(aws_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    with running_socket_gateway(aws_endpoint, tmp_path_factory.mktemp("socket-gateway")) as url:
        yield create_echo_gateway(aws_endpoint, url)


FAKE = ("fake", "")
OURS = tuple(itertools.product(("ours",), ("broadcaster", "socket_lambda")))
MINISTACKS = tuple(itertools.product(("ministacks",), ("broadcaster", "socket_lambda")))


@pytest.fixture(params=[FAKE, *MINISTACKS, *OURS], ids=" ".join)
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    of, client = request.param
    if of == "fake":
        yield Fake()
        return
    gateways: Gateways = request.getfixturevalue(of)
    async with AsyncExitStack() as stack:
        if client == "broadcaster":
            http = ConnectionPool(gateways.management_url, max_idle_s=60)
            stack.callback(http.close)
            poster = SocketPoster(
                http,
                PostSigner(gateways.management_url, REGION),
                FixedCredentials(),
                timeout_s=SHORT_DEADLINE_S,
                log=Logger("broadcaster", io.StringIO()),
            )

            async def post(connection_id: str, message: bytes) -> PostOutcome:
                return await poster.post(connection_id, Payload.of(message), NO_HURRY)

            end = poster.end
        else:
            session: boto3.Session = request.getfixturevalue("aws_session")
            simple = ConnectionPoster(
                session.client("apigatewaymanagementapi", endpoint_url=gateways.management_url)
            )

            async def post(connection_id: str, message: bytes) -> PostOutcome:
                try:
                    received = await asyncio.to_thread(simple.post, connection_id, message)
                except ClientError:
                    return PostOutcome.FAILED
                return PostOutcome.DELIVERED if received else PostOutcome.GONE

            async def end(connection_id: str) -> PostOutcome:
                await asyncio.to_thread(simple.end, connection_id)
                return PostOutcome.DELIVERED

        yield Real(gateways, post, end, stack)


async def test_messages_arrive_unchanged_in_order_and_only_at_their_connection(
    gateway: Gateway,
) -> None:
    one, other = await gateway.open(), await gateway.open()

    responses = [await gateway.post(one, message) for message in (PONG, ENDED, PONG)]
    await gateway.post(other, ENDED)

    assert responses == [PostOutcome.DELIVERED] * 3
    assert await gateway.received(one, 3) == [PONG, ENDED, PONG]
    assert await gateway.received(other, 1) == [ENDED]


async def test_only_a_closed_connection_is_410_and_stays_410(gateway: Gateway) -> None:
    leaving, staying = await gateway.open(), await gateway.open()
    await gateway.close(leaving)

    responses = [await gateway.post(leaving, PONG) for _ in range(2)]

    assert responses == [PostOutcome.GONE] * 2
    assert await gateway.post(staying, PONG) is PostOutcome.DELIVERED
    assert await gateway.received(staying, 1) == [PONG]


async def test_a_post_to_a_connection_that_never_existed_is_410(gateway: Gateway) -> None:
    assert await gateway.post(NO_VIEWERS, PONG) is PostOutcome.GONE


async def test_a_message_that_fills_a_frame_arrives(gateway: Gateway) -> None:
    viewer = await gateway.open()
    message = b"x" * SOCKET_FRAME_BYTES

    assert await gateway.post(viewer, message) is PostOutcome.DELIVERED
    assert await gateway.received(viewer, 1) == [message]


@pytest.mark.parametrize("size", [SOCKET_FRAME_BYTES + 1, SOCKET_MESSAGE_BYTES + 1])
@pytest.mark.parametrize("gateway", [FAKE, *OURS], ids=" ".join, indirect=True)
async def test_a_message_larger_than_a_frame_is_rejected(gateway: Gateway, size: int) -> None:
    """Tested on the fake and on ours: ministack accepts any size."""
    viewer = await gateway.open()

    assert await gateway.post(viewer, b"x" * size) is PostOutcome.FAILED


async def test_a_post_to_a_connection_that_we_ended_is_410(gateway: Gateway) -> None:
    one, other = await gateway.open(), await gateway.open()

    assert await gateway.end(one) is PostOutcome.DELIVERED
    assert await gateway.post(one, PONG) is PostOutcome.GONE
    assert await gateway.post(other, PONG) is PostOutcome.DELIVERED
