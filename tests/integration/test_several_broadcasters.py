"""Two broadcaster processes on one real queue, with viewers in many buckets."""

from __future__ import annotations

import asyncio
import collections
import json
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import unquote

import pytest
from websockets.asyncio.client import ClientConnection

from deploy.queues import ROUNDS
from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.delivery_buckets import BUCKETS, delivery_bucket
from tests.support.broadcaster_cloud import Cloud, Running, running_broadcaster
from tests.support.deliveries import unique
from tests.support.waiting import SHORT_DEADLINE_S, until

VIEWERS = 24
MINUTES_S = 240
"""Enough for some consecutive rounds on a busy machine."""


def interval_just_begun(min_s: int, max_s: int) -> int:
    """Returns an interval in milliseconds, chosen so that by the wall clock one has just begun.

    This avoids waiting for the next one, and leaves enough time within the round.
    """
    at_ms = now_ms()
    return min(range(min_s * 1000, max_s * 1000), key=lambda interval_ms: at_ms % interval_ms)


class Viewers:
    """Viewers that each follow a delivery of their own."""

    def __init__(self) -> None:
        self.received: dict[str, list[dict[str, Any]]] = {}
        self._sockets: dict[str, ClientConnection] = {}
        self._listening: list[asyncio.Task[None]] = []

    async def add(self, cloud: Cloud, stack: AsyncExitStack) -> None:
        delivery = cloud.delivery()
        socket, connection_id = await stack.enter_async_context(cloud.viewer())
        cloud.track(delivery, connection_id)
        self.received[delivery.delivery_id] = []
        self._sockets[connection_id] = socket
        self._listening.append(asyncio.create_task(self._listen(connection_id, socket)))

    async def _listen(self, connection_id: str, socket: ClientConnection) -> None:
        async for text in socket:
            if text == connection_id:  # the response to the request of `all_received`
                return
            message = json.loads(text)
            self.received[message["delivery_id"]].append({**message, "received_at_ms": now_ms()})

    async def all_received(self) -> None:
        """Waits until each viewer has received all that was posted to it so far."""
        for socket in self._sockets.values():
            await socket.send("{}")
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await asyncio.gather(*self._listening)

    @property
    def connections(self) -> set[str]:
        return set(self._sockets)

    @property
    def buckets(self) -> set[int]:
        return {delivery_bucket(delivery_id) for delivery_id in self.received}


@asynccontextmanager
async def viewers_of(cloud: Cloud) -> AsyncIterator[Viewers]:
    viewers = Viewers()
    async with AsyncExitStack() as stack:
        for _ in range(VIEWERS):
            await viewers.add(cloud, stack)
        yield viewers


class Reported:
    """A broadcaster's log, read continuously: a full pipe would block its process.

    Attributes:
        rounds: The rounds that it reported.
        is_ready: Whether its loops run.
        stopped: Done when its log ends.
    """

    def __init__(self, running: Running) -> None:
        self.rounds: list[dict[str, Any]] = []
        self.is_ready = False
        self.stopped = asyncio.create_task(self._read(running))

    async def _read(self, running: Running) -> None:
        assert running.process.stderr is not None
        async for line in running.process.stderr:
            if b'"event":"round_done"' in line:
                self.rounds.append(json.loads(line))
            self.is_ready |= b'"event":"broadcaster_ready"' in line


@pytest.fixture
def queue_url(cloud: Cloud) -> str:
    """A queue per test, so that it has no rounds of an earlier test."""
    return new_queue(cloud)


def new_queue(cloud: Cloud) -> str:
    sqs = cloud.session.client("sqs", endpoint_url=cloud.url)
    attributes: Any = ROUNDS.attributes(None)
    return sqs.create_queue(QueueName=unique("rounds") + ".fifo", Attributes=attributes)["QueueUrl"]


def buckets_run(reported: Sequence[Reported]) -> collections.Counter[int]:
    """Returns the number of buckets that were run, by round."""
    held: collections.Counter[int] = collections.Counter()
    for line in (line for one in reported for line in one.rounds):
        held[line["due_at_ms"]] += line["buckets"]
    return held


def there(lines: Iterable[dict[str, Any]]) -> int:
    """Counts due viewers that are connected: earlier tests' are still subscribed, but gone."""
    return sum(line["due"] - line["gone"] for line in lines)


def whole_rounds(reported: Sequence[Reported]) -> int:
    """Returns how many rounds were run in all buckets."""
    return sum(buckets >= BUCKETS for buckets in buckets_run(reported).values())


async def test_each_viewer_gets_each_round_once_from_either_of_two_broadcasters(
    cloud: Cloud, queue_url: str
) -> None:
    async with viewers_of(cloud) as viewers, AsyncExitStack() as stack:
        environment = cloud.environment(
            ROUND_QUEUE_URL=queue_url, ROUND_INTERVAL_S=str(interval_just_begun(15, 20) / 1000)
        )
        running = [
            await stack.enter_async_context(running_broadcaster(environment)) for _ in range(2)
        ]
        reported = [Reported(one) for one in running]
        # One may be quick enough to run a whole round alone, but not every round.
        async with asyncio.timeout(MINUTES_S):
            while not (whole_rounds(reported) and all(one.rounds for one in reported)):
                await asyncio.wait([one.stopped for one in reported], timeout=0.05)
                assert not any(one.stopped.done() for one in reported)
        for one in running:
            one.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SHORT_DEADLINE_S):
            assert [await one.process.wait() for one in running] == [0, 0]
            await asyncio.gather(*(one.stopped for one in reported))
        await viewers.all_received()
    held = buckets_run(reported)
    lines = [line for one in reported for line in one.rounds]
    due, delivered = there(lines), sum(line["delivered"] for line in lines)
    times = [len(received) for received in viewers.received.values()]

    assert max(held.values()) <= BUCKETS, "a bucket of a round was run twice"
    assert len(viewers.buckets) > VIEWERS // 2
    assert delivered <= sum(times) <= due
    assert max(times) <= len(held), "a viewer got a round twice"
    # Each viewer gets a message of a complete round unless it was reported as not reached.
    assert sum(max(0, whole_rounds(reported) - received) for received in times) <= due - delivered


RECEIVED_AGAIN_WITHIN_MS = 25_000
"""The queue's visibility timeout of 10 s, and a margin for a busy machine."""


class BlackHole:
    """A gateway that receives posts and never responds.

    Attributes:
        connections: The connections to which it received a post.
    """

    def __init__(self) -> None:
        self.connections: set[str] = set()
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._swallow, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        try:
            yield f"http://{host}:{port}/live"
        finally:
            server.close()
            for writer in self._writers:
                writer.close()

    async def _swallow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        async for line in reader:
            if line.startswith(b"POST "):
                path = line.split()[1].decode()
                self.connections.add(unquote(path.rpartition("/")[2]))


async def test_remaining_viewers_of_a_killed_broadcaster_get_the_round_from_the_other(
    cloud: Cloud,
) -> None:
    # On a busy machine, the round may be over before the other broadcaster can run it.
    for _ in range(5):
        if (other := await reported_by_the_other(cloud)) is not None:
            break

    assert other is not None, "the machine was too slow five times"
    due_at_ms, lines = other
    assert there(line for line in lines if line["due_at_ms"] == due_at_ms) == VIEWERS


async def reported_by_the_other(cloud: Cloud) -> tuple[int, Sequence[dict[str, Any]]] | None:
    """Returns when the round was due, and the other's reports; None if it was already over."""
    queue_url, hole = new_queue(cloud), BlackHole()
    async with viewers_of(cloud) as viewers, AsyncExitStack() as stack:
        interval_ms = interval_just_begun(50, 60)
        due_at_ms = now_ms() // interval_ms * interval_ms
        several = {"ROUND_QUEUE_URL": queue_url, "ROUND_INTERVAL_S": str(interval_ms / 1000)}
        # Its posts get no response, so it keeps each viewer's bucket until it is killed.
        stuck = await stack.enter_async_context(
            running_broadcaster(
                cloud.environment(
                    **several,
                    SOCKET_MANAGEMENT_URL=await stack.enter_async_context(hole.open()),
                    POST_TIMEOUT_S="30",
                )
            )
        )
        _read_on = Reported(stuck)
        killed_by_ms = due_at_ms + interval_ms - RECEIVED_AGAIN_WITHIN_MS
        await until(lambda: viewers.connections <= hole.connections or now_ms() > killed_by_ms)
        other = Reported(
            await stack.enter_async_context(running_broadcaster(cloud.environment(**several)))
        )
        await until(lambda: other.is_ready)
        assert not any(viewers.received.values())

        stuck.process.kill()
        await stuck.process.wait()
        if now_ms() > killed_by_ms:
            return None
        # 10 s later, when the visibility timeout has passed; most of the round is still left.
        await until(lambda: all(viewers.received.values()))
        await until(lambda: there(other.rounds) >= VIEWERS)
    return due_at_ms, other.rounds
