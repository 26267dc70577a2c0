"""The limits of one token and one socket in the running system."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from socket_lambda.limits import SocketLimits
from socket_lambda.settings import Settings
from tests.support.waiting import DEADLINE_S

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

LIMITS = SocketLimits.of(
    max_sockets=Settings.max_sockets,
    connects_per_minute=Settings.connects_per_minute,
    max_tracked=Settings.max_tracked,
    frames_per_minute=Settings.frames_per_minute,
)
Open = Callable[[], ClientConnection]


@pytest.fixture
def one_more(local_cloud: LaunchedCloud) -> Iterator[Open]:
    """Opens another socket of one customer that no other test uses."""
    environment = local_cloud.environment
    customer = f"C-{uuid.uuid4().hex[:10]}"
    token = TokenClient.of(environment).token("customer", customer, ttl_s=3_600)
    with contextlib.ExitStack() as sockets:

        def open_socket() -> ClientConnection:
            return sockets.enter_context(
                connect(
                    environment.websocket_url,
                    additional_headers={"Authorization": f"Bearer {token}"},
                    ping_interval=None,
                    open_timeout=DEADLINE_S,
                )
            )

        yield open_socket


def reasons_until_closed(socket: ClientConnection) -> list[str | None]:
    """The reasons of the messages that a socket receives until it is closed."""
    reasons = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            reasons.append(json.loads(socket.recv(timeout=DEADLINE_S)).get("reason"))
    return reasons


def has_response(socket: ClientConnection) -> bool:
    socket.send('{"action":"ping"}')
    message = json.loads(socket.recv(timeout=DEADLINE_S))
    return bool(message["type"] == "pong")


def test_the_oldest_socket_of_a_token_is_closed_when_one_too_many_is_opened(one_more: Open) -> None:
    oldest, second, *_ = [one_more() for _ in range(LIMITS.max_sockets)]
    assert has_response(oldest)
    newest = one_more()

    assert reasons_until_closed(oldest) == ["too_many"]
    assert has_response(second)
    assert has_response(newest)


def test_a_token_that_opens_too_many_sockets_is_rejected(one_more: Open) -> None:
    def open_on() -> None:
        for _ in range(10 * LIMITS.connects.burst):
            one_more().close()

    with pytest.raises(InvalidStatus) as rejected:
        open_on()

    assert rejected.value.response.status_code == 429


def test_a_socket_that_sends_too_much_is_closed(one_more: Open) -> None:
    socket, other = one_more(), one_more()
    with contextlib.suppress(ConnectionClosed):
        for _ in range(3 * LIMITS.frames.burst):
            socket.send('{"action":"track","delivery_id":"D-none"}')

    # Not the last one of all: replies to earlier frames may come after it.
    assert "too_many" in reasons_until_closed(socket)
    assert has_response(other)
