"""Limits on sockets per token and on frames per socket, whichever containers handle them."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest

from rtdts.delivery_store.block_list import BlockList
from rtdts.runtime.logs import Logger
from socket_lambda.bootstrap import App
from socket_lambda.connection import closing_for_too_many
from socket_lambda.dispatch import Dispatch
from socket_lambda.handler import handle
from socket_lambda.limits import FREE_BURST_MINUTES, FREE_PER_MINUTE, SocketLimiter, SocketLimits
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_socket_limits import FakeSocketLimitStore
from tests.fakes.fake_subscriptions import FakeSubscriptionStore
from tests.fakes.scripted_client import client_error
from tests.support.asyncapi_schema import validate_message
from tests.support.aws_events import aws_event, with_body
from tests.support.deliveries import NOW_MS, event_of, new_delivery

MAX_SOCKETS = 5
MAX_TRACKED = 10
CONTAINERS = 4
LIMITS = SocketLimits.of(
    max_sockets=MAX_SOCKETS,
    connects_per_minute=6,
    max_tracked=MAX_TRACKED,
    frames_per_minute=30,
)
FREE = round(FREE_PER_MINUTE * FREE_BURST_MINUTES)


class Gateway:
    """Tracks which connections are open: accepted by the Lambda, and not ended since."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.posted: dict[str, list[Any]] = {}
        self.trouble: Exception | None = None
        self.end_trouble: Exception | None = None

    def post(self, connection_id: str, message: bytes) -> bool:
        if self.trouble is not None:
            raise self.trouble
        if connection_id not in self.open:
            return False
        self.posted.setdefault(connection_id, []).append(validate_message(message))
        return True

    def end(self, connection_id: str) -> None:
        if self.end_trouble is not None:
            raise self.end_trouble
        self.open.discard(connection_id)


class World:
    """The Lambda as several containers, which handle the events in turn."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.gateway = Gateway()
        self.counts = FakeSocketLimitStore()
        self.nudges = FakeNudgeQueue()
        self.subscriptions = FakeSubscriptionStore()
        deliveries = FakeDeliveryStore()
        delivery = new_delivery(delivery_id="D-1")
        deliveries.append(None, delivery, [event_of(delivery)], matches=True)
        containers = [self._container(deliveries) for _ in range(CONTAINERS)]
        self._turns = itertools.cycle(containers)
        self._numbers = itertools.count(1)

    def _container(self, deliveries: FakeDeliveryStore) -> App:
        def now_ms() -> int:
            return self.now_ms

        limits = SocketLimiter(
            self.counts,
            LIMITS,
            close=closing_for_too_many(self.gateway, now_ms=now_ms),
            now_ms=now_ms,
        )
        dispatch = Dispatch(
            deliveries=deliveries,
            subscriptions=self.subscriptions,
            snapshots=self.nudges,
            poster=self.gateway,
            limits=limits,
            blocks=BlockList(
                FakeBlockStore(), log=Logger("test", io.StringIO()), now_ms=lambda: NOW_MS
            ),
            max_tracked=MAX_TRACKED,
            now_ms=now_ms,
        )
        return App(dispatch=dispatch, log=Logger("test", io.StringIO()))

    def happens(
        self, name: str, connection_id: str, *, identity: str = "C-88", body: Any = None
    ) -> int:
        event = aws_event(f"socket_{name}")
        context = event["requestContext"]
        context["authorizer"]["identity"] = identity
        number = next(self._numbers)
        context |= {
            "connectionId": connection_id,
            "requestId": f"r-{number}=",
            "requestTimeEpoch": self.now_ms + number,
        }
        event = event if body is None else with_body(event, body)
        status: int = handle(event, next(self._turns))["statusCode"]
        return status

    def connects(self, connection_id: str, identity: str = "C-88") -> int:
        status = self.happens("connect", connection_id, identity=identity)
        if status == 200:
            self.gateway.open.add(connection_id)
        return status

    def disconnects(self, connection_id: str) -> None:
        self.gateway.open.discard(connection_id)
        self.happens("disconnect", connection_id)


@pytest.fixture
def world() -> World:
    return World()


def test_one_token_never_has_more_open_sockets_than_its_limit(world: World) -> None:
    statuses = [world.connects(f"c-{number}") for number in range(1_000)]

    assert len(world.gateway.open) == MAX_SOCKETS
    assert statuses.count(200) <= LIMITS.connects.burst + CONTAINERS * FREE
    assert set(statuses) == {200, 429}
    assert world.connects("another", identity="C-99") == 200


def test_the_oldest_socket_is_notified_and_ended_to_make_room(world: World) -> None:
    for number in range(MAX_SOCKETS + 1):
        world.now_ms += 1_000
        assert world.connects(f"c-{number}") == 200

    assert world.gateway.open == {f"c-{number}" for number in range(1, MAX_SOCKETS + 1)}
    assert [message["reason"] for message in world.gateway.posted["c-0"]] == ["too_many"]
    assert "c-1" not in world.gateway.posted


def test_a_client_can_reconnect_even_if_its_disconnects_are_never_reported(world: World) -> None:
    for number in range(10 * MAX_SOCKETS):
        world.now_ms += 10_000
        assert world.connects(f"c-{number}") == 200
        world.gateway.open.clear()


def test_the_rate_of_connects_is_limited_even_if_each_socket_is_closed(world: World) -> None:
    statuses = []
    for number in range(300):
        world.now_ms += 100
        statuses.append(world.connects(f"c-{number}"))
        if statuses[-1] == 200:
            world.disconnects(f"c-{number}")

    half_a_minute = 300 * 100 / 60_000 * (6 + CONTAINERS * FREE_PER_MINUTE)
    assert statuses.count(200) <= LIMITS.connects.burst + CONTAINERS * FREE + half_a_minute + 1


def test_repeatedly_rejected_connects_do_not_write_each_time(
    world: World,
) -> None:
    for number in range(LIMITS.connects.burst + CONTAINERS * FREE):
        world.connects(f"c-{number}")
    before = world.counts.writes
    statuses = {world.connects(f"d-{number}") for number in range(500)}
    refused = world.counts.writes - before
    world.now_ms += LIMITS.connects.ms_per_unit
    later = [world.connects(f"e-{number}") for number in range(CONTAINERS)]

    assert statuses == {429}
    assert refused <= CONTAINERS
    assert 200 in later


def test_a_socket_that_ended_makes_room_for_another(world: World) -> None:
    for number in range(MAX_SOCKETS):
        world.connects(f"c-{number}")
    world.disconnects("c-3")
    world.connects("new")

    assert world.gateway.posted == {}
    assert len(world.gateway.open) == MAX_SOCKETS


def test_no_socket_is_admitted_when_the_oldest_cannot_be_ended(world: World) -> None:
    for number in range(MAX_SOCKETS):
        world.connects(f"c-{number}")
    world.gateway.end_trouble = client_error("LimitExceededException", 429)
    rejected = world.connects("new")
    world.gateway.end_trouble = None

    assert rejected == 500
    assert world.connects("newer") == 200
    assert len(world.gateway.open) == MAX_SOCKETS


@pytest.mark.parametrize("name", ["track", "untrack", "ping", "default"])
def test_a_socket_that_sends_too_many_frames_is_notified_and_ended(world: World, name: str) -> None:
    world.connects("c")
    output = 0
    while "c" in world.gateway.open and output < 500:
        world.happens(name, "c")
        output += 1

    at_most = LIMITS.frames.burst + CONTAINERS * FREE
    assert LIMITS.frames.burst < output <= at_most + 1
    assert world.gateway.posted["c"][-1]["reason"] == "too_many"
    assert "delivery_id" not in world.gateway.posted["c"][-1]
    assert len(world.nudges.sent) <= at_most


def test_a_frame_after_the_end_is_not_handled(world: World) -> None:
    world.connects("c")
    statuses = [world.happens("track", "c") for _ in range(500)]

    assert set(statuses) == {200}  # the gateway would send any other response to the viewer
    assert len(world.nudges.sent) <= LIMITS.frames.burst + CONTAINERS * FREE


def test_a_socket_that_sends_too_many_frames_is_ended_even_if_it_does_not_read(
    world: World,
) -> None:
    world.connects("c")
    world.gateway.trouble = client_error("LimitExceededException", 429)
    for _ in range(100):
        world.happens("track", "c")

    assert world.gateway.open == set()


def test_a_connection_may_track_twice_as_often_as_its_limit_of_deliveries(world: World) -> None:
    world.connects("c")
    for _ in range(2 * MAX_TRACKED):
        world.happens("track", "c")

    assert world.gateway.open == {"c"}
    assert world.gateway.posted == {}


def test_frames_of_one_socket_do_not_count_for_another(world: World) -> None:
    world.connects("loud")
    world.connects("quiet")
    for _ in range(100):
        world.happens("ping", "loud")
    world.happens("ping", "quiet")

    assert [message["type"] for message in world.gateway.posted["quiet"]] == ["pong"]


def test_an_ordinary_viewer_needs_one_write_to_open_and_one_to_end(world: World) -> None:
    world.connects("c")
    world.happens("track", "c")
    for _ in range(10):
        world.now_ms += 60_000
        world.happens("ping", "c")
    world.disconnects("c")

    assert world.counts.writes == 2
