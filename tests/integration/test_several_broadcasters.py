"""Two broadcasters' processes on one real queue, and viewers in many buckets."""

from __future__ import annotations

import asyncio
import collections
import json
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from websockets.asyncio.client import ClientConnection

from rtdts.push_queue.definitions import ROUNDS
from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.delivery_buckets import BUCKETS, delivery_bucket
from rtdts.tracking.instants import parse_instant
from tests.support.broadcaster_cloud import Cloud, Running, running_broadcaster
from tests.support.deliveries import unique
from tests.support.ministack_process import ministack_program, running_ministack
from tests.support.waiting import COMES_WITHIN_S, until

VIEWERS = 24
INTERVAL_S = 5
WHOLE_ROUNDS = 2
LONG_INTERVAL_S = 30
"""So long that whom a broadcaster could not tell mostly hears of the same round from the other."""
HEARS_WITHIN_S = LONG_INTERVAL_S + 15
"""Of a broadcaster's death: as with rounds of 60 s it is 75. What it held comes back after
`ROUNDS.visibility_timeout_s` at most; the rest is for a slow machine."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    program = ministack_program()
    if program is None:
        pytest.skip("ministack is not installed: make setup")
    with running_ministack(Path(program), tmp_path_factory.mktemp("ministack")) as url:
        yield Cloud(url)


class Viewers:
    """Viewers, each of a delivery of its own."""

    def __init__(self) -> None:
        self.heard: dict[str, list[dict[str, Any]]] = {}
        self._sockets: dict[str, ClientConnection] = {}
        self._listening: list[asyncio.Task[None]] = []

    async def add(self, cloud: Cloud, stack: AsyncExitStack) -> None:
        delivery = cloud.delivery()
        socket, connection_id = await stack.enter_async_context(cloud.viewer())
        cloud.track(delivery, connection_id)
        self.heard[delivery.delivery_id] = []
        self._sockets[connection_id] = socket
        self._listening.append(asyncio.create_task(self._listen(connection_id, socket)))

    async def _listen(self, connection_id: str, socket: ClientConnection) -> None:
        async for text in socket:
            if text == connection_id:  # the answer to what `all_has_come` asked
                return
            message = json.loads(text)
            self.heard[message["delivery_id"]].append({**message, "come_at_ms": now_ms()})

    async def all_has_come(self) -> None:
        """Waits until each has all that was posted to it so far."""
        for socket in self._sockets.values():
            await socket.send("{}")
        async with asyncio.timeout(COMES_WITHIN_S):
            await asyncio.gather(*self._listening)

    @property
    def connections(self) -> set[str]:
        return set(self._sockets)

    @property
    def buckets(self) -> set[int]:
        return {delivery_bucket(delivery_id) for delivery_id in self.heard}


@asynccontextmanager
async def viewers_of(cloud: Cloud) -> AsyncIterator[Viewers]:
    viewers = Viewers()
    async with AsyncExitStack() as stack:
        for _ in range(VIEWERS):
            await viewers.add(cloud, stack)
        yield viewers


class Told:
    """What a broadcaster says, read as it comes: what is not read holds its process up.

    Attributes:
        rounds: The rounds that it says it held.
        is_ready: Whether its loops run.
        stopped: Done when it says no more.
    """

    def __init__(self, running: Running) -> None:
        self.rounds: list[dict[str, Any]] = []
        self.is_ready = False
        self.stopped = asyncio.create_task(self._read(running))

    async def _read(self, running: Running) -> None:
        assert running.process.stderr is not None
        async for line in running.process.stderr:
            if b'"event":"round_held"' in line:
                self.rounds.append(json.loads(line))
            self.is_ready |= b'"event":"broadcaster_ready"' in line


@pytest.fixture
def queue_url(cloud: Cloud) -> str:
    """A queue of the test's own: the rounds of the one before are none of its."""
    sqs = cloud.session.client("sqs", endpoint_url=cloud.url)
    attributes: Any = ROUNDS.attributes(None)
    return sqs.create_queue(QueueName=unique("rounds") + ".fifo", Attributes=attributes)["QueueUrl"]


def buckets_held(told: Sequence[Told]) -> collections.Counter[int]:
    """By round, of how many buckets it has been held."""
    held: collections.Counter[int] = collections.Counter()
    for line in (line for one in told for line in one.rounds):
        held[line["due_at_ms"]] += line["buckets"]
    return held


async def test_each_viewer_hears_of_each_round_once_whichever_of_two_tells_it(
    cloud: Cloud, queue_url: str
) -> None:
    environment = cloud.environment(ROUND_QUEUE_URL=queue_url, ROUND_INTERVAL_S=str(INTERVAL_S))
    async with (
        viewers_of(cloud) as viewers,
        running_broadcaster(environment) as one,
        running_broadcaster(environment) as other,
    ):
        told = [Told(one), Told(other)]
        await until(lambda: [*buckets_held(told).values()].count(BUCKETS) >= WHOLE_ROUNDS)
        await until(lambda: all(one.rounds for one in told))
        for running in (one, other):
            running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(COMES_WITHIN_S):
            assert [await running.process.wait() for running in (one, other)] == [0, 0]
            await asyncio.gather(*(one.stopped for one in told))
        await viewers.all_has_come()
    held = buckets_held(told)
    whole = [*held.values()].count(BUCKETS)
    delivered = sum(line["delivered"] for one in told for line in one.rounds)

    assert max(held.values()) <= BUCKETS, "no bucket of a round is held twice"
    assert len(viewers.buckets) > VIEWERS // 2
    times = {delivery_id: len(heard) for delivery_id, heard in viewers.heard.items()}
    assert sum(times.values()) == delivered
    # Of a round that the end cut short, each may have heard or not.
    assert {whole} <= {*times.values(), whole} <= set(range(whole, len(held) + 1))


class BlackHole:
    """A gateway that takes posts and never answers.

    Attributes:
        connections: Those for which it has taken one.
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


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=lambda end: end.name)
async def test_whom_one_had_yet_to_tell_when_it_ended_the_other_tells(
    cloud: Cloud, queue_url: str, end: signal.Signals
) -> None:
    several = {"ROUND_QUEUE_URL": queue_url, "ROUND_INTERVAL_S": str(LONG_INTERVAL_S)}
    hole = BlackHole()
    async with AsyncExitStack() as stack:
        viewers = await stack.enter_async_context(viewers_of(cloud))
        # Its posts are not answered, so that it holds each viewer's bucket until it ends.
        stuck = await stack.enter_async_context(
            running_broadcaster(
                cloud.environment(
                    **several,
                    SOCKET_MANAGEMENT_URL=await stack.enter_async_context(hole.open()),
                    POST_TIMEOUT_S="30",
                    SHUTDOWN_BUDGET_S="1",
                )
            )
        )
        _read_on = Told(stuck)
        await until(lambda: viewers.connections <= hole.connections)
        other = Told(
            await stack.enter_async_context(running_broadcaster(cloud.environment(**several)))
        )
        await until(lambda: other.is_ready)

        ended_at_ms = now_ms()
        stuck.process.send_signal(end)
        async with asyncio.timeout(COMES_WITHIN_S):
            code = await stuck.process.wait()
        await until(lambda: all(viewers.heard.values()))

    assert code == (-end if end is signal.SIGKILL else 0)
    heard_at_ms = [parse_instant(heard[0]["sent_at"]) for heard in viewers.heard.values()]
    assert max(heard_at_ms) - ended_at_ms < HEARS_WITHIN_S * 1000
    assert ROUNDS.visibility_timeout_s < HEARS_WITHIN_S
