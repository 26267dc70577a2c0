"""The running socket under messages that no client sends: it goes on, or is closed properly.

The frames come over sockets of their own, while a viewer beside them follows its delivery and
notices nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.fuzz.conftest import IDENTITIES, Amount
from tests.support.asyncapi_schema import validate_message
from tests.support.http_client import ApiClient
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.real

FRAME_BYTES = 32_000
"""The gateway closes above 32 KB a frame (128 KB a message); below that every frame is ours."""
PROPER_ENDS = {1000, 1001, 1003, 1007, 1008, 1009}
LARGEST_FRAME = 32 * 1024
ACTIONS = [
    "track",
    "untrack",
    "track_fleet",
    "untrack_fleet",
    "ping",
    "$default",
    "$connect",
    "$disconnect",
    "Track",
    "",
    "☎",
]
IDS = st.sampled_from(["D-none", "", "no spaces", "x" * 65, "../D-1", "D-1\n", "☎", "\ud83d\ude9a"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.sampled_from([10**30, -1, 2**63, 1e308])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
DEEP = st.integers(10, FRAME_BYTES // 10).map(
    lambda depth: '{"action":"track","x":' + '{"a":' * depth + "1" + "}" * depth + "}"
)
DEEP_ARRAYS = st.integers(10, FRAME_BYTES // 3).map(
    lambda depth: '{"action":"track","delivery_id":' + "[" * depth + "]" * depth + "}"
)
HUGE = st.integers(1_000, FRAME_BYTES - 100).map(
    lambda size: json.dumps({"action": "track", "delivery_id": "x" * size})
)
MESSAGES = st.builds(
    lambda message: json.dumps(message)[:FRAME_BYTES],
    st.fixed_dictionaries(
        {"action": st.sampled_from(ACTIONS) | VALUES},
        optional={
            "delivery_id": IDS | VALUES,
            "bbox": st.lists(SCALARS, max_size=5),
            "zoom": SCALARS,
            "filter": VALUES,
            "since_version": st.sampled_from([-1, 0, 2**70, 1.5, "2", None]) | VALUES,
        },
    ),
)
FRAMES: st.SearchStrategy[str | bytes] = st.one_of(
    MESSAGES,
    MESSAGES.map(lambda text: text[: len(text) // 2]),
    VALUES.map(lambda value: json.dumps(value)[:FRAME_BYTES]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.binary(max_size=300),
    MESSAGES.map(str.encode),  # as a binary frame
    DEEP,
    DEEP_ARRAYS,
    HUGE,
    st.sampled_from(
        ["", "null", "NaN", '{"action":"ping"', '{"action":"track"}{}', "\x00", "\ufeff{}"]
    ),
)


class Speaker:
    """Customers' sockets, one at a time: another customer's when the last was closed.

    Each is closed some time, since a connection may say only so much.

    Attributes:
        ends: How many were closed.
        unread: Of these, whose close frame the client dropped: when a send fails before it has read
            the frame, it reports a connection that just broke.
    """

    def __init__(self, url: str, new_token: Callable[[], str]) -> None:
        self._url = url
        self._new_token = new_token
        self._closing = contextlib.ExitStack()
        self._socket: ClientConnection | None = None
        self.ends = self.unread = 0

    def print_line(self, frame: str | bytes) -> None:
        """Says it, and holds the socket to what it promises then.

        Raises:
            AssertionError: It neither goes on nor was closed properly.
        """
        if self._socket is None:
            headers = {"Authorization": f"Bearer {self._new_token()}"}
            self._socket = self._closing.enter_context(
                connect(self._url, additional_headers=headers, ping_interval=None)
            )
        try:
            self._socket.send(frame)
            self._socket.send('{"action":"ping"}')
            self._wait_for_pong(self._socket)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            # A frame that is rejected while it is still being sent may cost the close frame, too.
            is_cut_off = code is None and len(frame) > LARGEST_FRAME
            is_unread = code is None and isinstance(closed.__cause__, OSError)
            self.ends += 1
            self.unread += is_unread
            if code not in PROPER_ENDS and not is_cut_off and not is_unread:
                raise AssertionError(f"closed with {code} after {frame!r:.300}") from closed
            self._closing.close()
            self._socket = None

    def close(self) -> None:
        self._closing.close()

    def _wait_for_pong(self, socket: ClientConnection) -> None:
        ends_at = time.monotonic() + DEADLINE_S
        while True:
            message = json.loads(socket.recv(timeout=max(0.0, ends_at - time.monotonic())))
            if "type" not in message:
                # The gateway's own, when our code failed or did not respond in time.
                raise AssertionError(f"the gateway says {message}")
            validate_message(json.dumps(message).encode())
            assert message["type"] in {"pong", "error"}, message
            if message["type"] == "pong":
                return


@pytest.fixture
def speaker(local_cloud: LaunchedCloud) -> Iterator[Speaker]:
    issuer = TokenClient.of(local_cloud.environment)
    numbers = itertools.count(1)
    made = Speaker(
        local_cloud.environment.websocket_url,
        lambda: issuer.token("customer", f"C-fuzz-{next(numbers)}", ttl_s=7200),
    )
    yield made
    made.close()


@pytest.fixture
def bystander(local_cloud: LaunchedCloud, token_of: Callable[[str], str]) -> Iterator[Bystander]:
    watching = Bystander(local_cloud, token_of)
    yield watching
    watching.close()


class Bystander:
    """A viewer that follows a delivery and pings now and then."""

    def __init__(self, cloud: LaunchedCloud, token_of: Callable[[str], str]) -> None:
        api = ApiClient(cloud.environment.server_url)
        self.delivery_id = f"D-{uuid.uuid4().hex[:10]}"
        plan: dict[str, Any] = {
            "truck_id": f"T-{uuid.uuid4().hex[:10]}",
            "customer_id": IDENTITIES["customer"],
            "origin": {"lat": 35.17, "lon": 129.13},
            "destination": {"lat": 35.18, "lon": 129.13},
        }
        response = api(
            "PUT", f"/deliveries/{self.delivery_id}", token=token_of("dispatcher"), body=plan
        )
        assert response.status == 201
        self._closing = contextlib.ExitStack()
        self._socket = self._closing.enter_context(
            connect(
                cloud.environment.websocket_url,
                additional_headers={"Authorization": f"Bearer {token_of('customer')}"},
                ping_interval=None,
            )
        )
        self._socket.send(json.dumps({"action": "track", "delivery_id": self.delivery_id}))
        self.wait_for("snapshot")

    def wait_for(self, kind: str) -> None:
        ends_at = time.monotonic() + DEADLINE_S
        message: dict[str, Any] = {}
        while message.get("type") != kind:
            message = json.loads(self._socket.recv(timeout=max(0.0, ends_at - time.monotonic())))
            validate_message(json.dumps(message).encode())
            assert message["type"] in {"snapshot", "position", "status", "pong"}, message
            assert message.get("delivery_id", self.delivery_id) == self.delivery_id

    def ping(self) -> None:
        self._socket.send('{"action":"ping"}')
        self.wait_for("pong")

    def close(self) -> None:
        self._closing.close()


def test_the_socket_survives_any_message_and_no_other_client_is_affected(
    speaker: Speaker, bystander: Bystander, amount: Amount
) -> None:
    output = itertools.count(1)
    requests_every = max(10, amount.cases // 1_000)  # the bystander, too, may say only so much

    @amount.share(1 / 5)
    @given(FRAMES)
    def print_line(frame: str | bytes) -> None:
        speaker.print_line(frame)
        if next(output) % requests_every == 0:
            bystander.ping()

    print_line()

    assert speaker.unread <= 1 + speaker.ends / 10
    bystander.ping()
    bystander.wait_for("position")  # the round reaches it too


def test_a_frame_beyond_the_limit_ends_its_own_socket_at_the_most(
    speaker: Speaker, bystander: Bystander
) -> None:
    for size in (40_000, 200_000, 2_000_000):
        speaker.print_line(json.dumps({"action": "track", "delivery_id": "x" * size}))
        speaker.print_line(b"\x00" * size)

    bystander.ping()
