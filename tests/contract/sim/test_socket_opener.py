"""The viewer's socket against a local WebSocket server."""

import http
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from sim.viewers.connection import ConnectionLostError, HandshakeRejectedError, socket_opener


def check_credentials(connection: ServerConnection, request: Request) -> Response | None:
    match request.headers.get("Authorization"):
        case "Bearer good":
            return None
        case "Bearer truck":
            return connection.respond(http.HTTPStatus.FORBIDDEN, "no")
        case "Bearer unlucky":
            return connection.respond(http.HTTPStatus.INTERNAL_SERVER_ERROR, "no")
        case _:
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no")


async def echo_once(connection: ServerConnection) -> None:
    await connection.send(await connection.recv())


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serve(echo_once, "127.0.0.1", 0, process_request=check_credentials) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"


async def test_frames_are_sent_and_received_until_the_connection_is_lost(url: str) -> None:
    connection = await socket_opener(url)("good")
    await connection.send("hello")

    assert await connection.receive() == "hello"

    with pytest.raises(ConnectionLostError):
        await connection.receive()
    with pytest.raises(ConnectionLostError):
        await connection.send("again")

    await connection.close()


@pytest.mark.parametrize(("token", "status"), [("bad", 401), ("truck", 403)])
async def test_a_rejection_is_reported_with_its_status(url: str, token: str, status: int) -> None:
    with pytest.raises(HandshakeRejectedError) as rejected:
        await socket_opener(url)(token)

    assert rejected.value.status == status


async def test_a_server_error_or_missing_server_counts_as_a_lost_connection(url: str) -> None:
    with pytest.raises(ConnectionLostError):
        await socket_opener(url)("unlucky")
    with pytest.raises(ConnectionLostError):
        await socket_opener("ws://127.0.0.1:9/live")("good")
