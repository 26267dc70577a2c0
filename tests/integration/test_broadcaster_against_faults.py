"""Posting to real sockets behind a gateway that throttles, loses responses and is slow."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from broadcaster.connection_pool import ConnectionPool
from broadcaster.poster import SocketPoster
from broadcaster.sender import Payload, PostOutcome
from broadcaster.signing import Credentials, PostSigner
from rtdts.runtime.logs import Logger
from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    Fault,
    FaultRule,
    Reject,
    ReplaceResponse,
)
from sim.fault_shim.shim import FaultShim
from sim.local_cloud.gateways import Gateways
from sim.local_cloud.resources import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.support.corrected_ministack import corrected_ministack
from tests.support.echo_gateway import create_echo_gateway
from tests.support.ministack_process import REGION
from tests.support.waiting import NO_HURRY, SHORT_DEADLINE_S

SHORT_TIMEOUT_S = 2.0
"""The limit of a post to a gateway that does not respond."""
MESSAGE = b'{"v":1,"type":"position"}'


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield create_echo_gateway(url)


class FixedCredentials:
    def current(self) -> Credentials:
        return Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


class Gateway:
    """A gateway with faults, its poster, and viewers that connect directly to the real one.

    Args:
        gateways: The real one.
        stack: Ends what is started here.
    """

    def __init__(self, gateways: Gateways, stack: AsyncExitStack) -> None:
        self._gateways = gateways
        self._stack = stack

    async def start(self) -> None:
        base, path = self._gateways.management_url.split("/_aws/", 1)
        self.shim = await self._stack.enter_async_context(FaultShim(base))
        self._http = ConnectionPool(self.shim.url, max_idle_s=60)
        self._stack.callback(self._http.close)
        self._signer = PostSigner(f"{self.shim.url}/_aws/{path}", REGION)

    async def viewer(self) -> tuple[str, ClientConnection]:
        """Returns a new viewer's connection id, and the client's side of the connection."""
        socket = await self._stack.enter_async_context(connect(self._gateways.websocket_url))
        await socket.send("{}")
        return str(await received(socket)), socket

    async def post(self, connection_id: str, *, timeout_s: float = SHORT_DEADLINE_S) -> PostOutcome:
        poster = SocketPoster(
            self._http,
            self._signer,
            FixedCredentials(),
            timeout_s=timeout_s,
            log=Logger("broadcaster", io.StringIO()),
        )
        return await poster.post(connection_id, Payload.of(MESSAGE), NO_HURRY)


@pytest.fixture
async def gateway(gateways: Gateways) -> AsyncIterator[Gateway]:
    async with AsyncExitStack() as stack:
        gateway = Gateway(gateways, stack)
        await gateway.start()
        yield gateway


async def received(socket: ClientConnection) -> Any:
    async with asyncio.timeout(SHORT_DEADLINE_S):
        return await socket.recv()


async def assert_received(socket: ClientConnection, times: int) -> None:
    """Asserts that exactly so many messages arrived: the response to a frame comes next."""
    for _ in range(times):
        assert json.loads(await received(socket)) == json.loads(MESSAGE)
    await socket.send("{}")
    assert await received(socket) != MESSAGE.decode()


def a_rule(fault: Fault, ids: str = "*", **more: Any) -> FaultRule:
    return FaultRule(name="r", fault=fault, operation="PostToConnection", ids=ids, **more)


def post_timeout_s(fault: Fault) -> float:
    return SHORT_TIMEOUT_S if isinstance(fault, Delay) else SHORT_DEADLINE_S


async def test_a_gateway_without_faults_delivers_a_post(gateway: Gateway) -> None:
    connection_id, socket = await gateway.viewer()

    assert await gateway.post(connection_id) is PostOutcome.DELIVERED
    await assert_received(socket, 1)


@pytest.mark.parametrize(
    ("fault", "response"),
    [
        (Reject(status=410, code="GoneException"), PostOutcome.GONE),
        (Reject(status=429, code="TooManyRequestsException"), PostOutcome.OVER_QUOTA),
        (Reject(status=429, code="LimitExceededException"), PostOutcome.THROTTLED),
        (Reject(status=400, code="LimitExceededException"), PostOutcome.THROTTLED),
        (Reject(status=403, code="ForbiddenException"), PostOutcome.FAILED),
        (Reject(status=413, code="PayloadTooLargeException"), PostOutcome.FAILED),
        (Reject(status=500, code="InternalServerErrorException"), PostOutcome.FAILED),
        (Reject(status=503, code="ServiceUnavailable"), PostOutcome.FAILED),
        (Drop(), PostOutcome.FAILED),
        (Delay(seconds=3600), PostOutcome.HUNG),
    ],
    ids=str,
)
async def test_a_rejected_post_is_reported_by_its_kind_and_does_not_arrive(
    gateway: Gateway, fault: Fault, response: PostOutcome
) -> None:
    connection_id, socket = await gateway.viewer()
    other_id, other = await gateway.viewer()
    await gateway.shim.set_rules(a_rule(fault, ids=connection_id))

    assert await gateway.post(connection_id, timeout_s=post_timeout_s(fault)) is response
    assert await gateway.post(other_id) is PostOutcome.DELIVERED
    await assert_received(socket, 0)
    await assert_received(other, 1)


async def test_a_post_to_a_closed_socket_is_reported_as_gone(gateway: Gateway) -> None:
    connection_id, socket = await gateway.viewer()
    await socket.close()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        # The gateway takes a moment to notice, and offers nothing to await.
        while (response := await gateway.post(connection_id)) is PostOutcome.DELIVERED:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    assert response is PostOutcome.GONE


@pytest.mark.parametrize(
    ("fault", "response", "times"),
    [
        # A lost response looks like a kept connection that had been closed: posted again.
        (CutResponse(by="close"), PostOutcome.DELIVERED, 2),
        (CutResponse(), PostOutcome.DELIVERED, 2),
        (Delay(seconds=3600, when="after"), PostOutcome.HUNG, 1),
        (ReplaceResponse(status=502, body="<html>Bad Gateway</html>"), PostOutcome.FAILED, 1),
        (ReplaceResponse(status=200, body="<html>"), PostOutcome.DELIVERED, 1),
    ],
    ids=str,
)
async def test_a_post_with_a_lost_response_has_arrived(
    gateway: Gateway, fault: Fault, response: PostOutcome, times: int
) -> None:
    connection_id, socket = await gateway.viewer()
    await gateway.shim.set_rules(a_rule(fault, times=1))

    assert await gateway.post(connection_id, timeout_s=post_timeout_s(fault)) is response
    await assert_received(socket, times)


async def test_a_post_fails_after_two_attempts_when_the_connection_always_ends(
    gateway: Gateway,
) -> None:
    connection_id, _ = await gateway.viewer()
    await gateway.shim.set_rules(a_rule(Drop(by="close")))

    assert await gateway.post(connection_id) is PostOutcome.FAILED
    assert len(gateway.shim.record.of("PostToConnection")) == 2


async def test_slow_and_failing_viewers_delay_no_other_viewer(gateway: Gateway) -> None:
    viewers = [await gateway.viewer() for _ in range(12)]
    bad, good = viewers[:4], viewers[4:]
    faults: list[Fault] = [
        Delay(seconds=3600),
        Drop(),
        Reject(status=429, code="x"),
        CutResponse(),
    ]
    await gateway.shim.set_rules(
        *(FaultRule(name=f"bad {n}", fault=fault, ids=bad[n][0]) for n, fault in enumerate(faults))
    )
    slow = asyncio.create_task(gateway.post(bad[0][0]))
    others = [gateway.post(connection_id) for connection_id, _ in (*bad[1:], *good)]
    responses = await asyncio.gather(*others)

    assert not slow.done(), "the slow post delayed the others until its timeout"
    slow.cancel()
    assert responses[:3] == [PostOutcome.FAILED, PostOutcome.OVER_QUOTA, PostOutcome.FAILED]
    assert responses[3:] == [PostOutcome.DELIVERED] * len(good)
    for _, socket in good:
        await assert_received(socket, 1)
