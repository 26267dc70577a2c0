"""One contender of the fan-out, in its own process: posts a number of messages to one server.

    python bench/posting.py CONTENDER URL COUNT AT_ONCE

prints ``{"cpu_s":…,"elapsed_s":…}`` of the posts alone: clients, connections and signing keys are
ready before. A contender's packages are imported when it runs, as not every environment has all.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

MESSAGE = json.dumps(
    {
        "v": 1,
        "type": "position",
        "sent_at": "2026-11-24T06:52:48.120Z",
        "delivery_id": "D-000123",
        "status": "in_transit",
        "version": 4,
        "assignment": 1,
        "position_at": "2026-11-24T06:52:47.000Z",
        "position": {
            "lat": 35.1705505,
            "lon": 129.1329985,
            "heading_deg": 271.0,
            "speed_mps": 13.2,
            "accuracy_m": 6.5,
            "recorded_at": "2026-11-24T06:52:47.000Z",
            "age_s": 1.1,
            "stale_since": None,
        },
        "distance_remaining_m": 12345.6,
        "eta": None,
    }
).encode()
REGION = "eu-west-1"
ACCESS_KEY, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
WARM_UP = 50


class Stopwatch:
    """CPU time and elapsed time of one block."""

    def __init__(self) -> None:
        self.cpu_s = self.elapsed_s = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measures the block."""
        cpu_s, at_s = time.process_time(), time.perf_counter()
        yield
        self.cpu_s, self.elapsed_s = time.process_time() - cpu_s, time.perf_counter() - at_s


def connection_id(number: int) -> str:
    """Connection ids in the form of API Gateway's."""
    return f"L0SM{number:07d}IhQ="


async def post_all(post: Callable[[str], Awaitable[object]], count: int, at_once: int) -> None:
    """Posts `count` messages, `at_once` concurrently."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await post(connection_id(number))

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def _measure_async(
    post: Callable[[str], Awaitable[object]], count: int, at_once: int, watch: Stopwatch
) -> None:
    await post_all(post, max(WARM_UP, at_once), at_once)
    with watch.running():
        await post_all(post, count, at_once)


async def ours(url: str, count: int, at_once: int, watch: Stopwatch) -> None:
    """The broadcaster's poster."""
    from broadcaster.connection_pool import ConnectionPool
    from broadcaster.poster import SocketPoster
    from broadcaster.sender import Payload, PostOutcome
    from broadcaster.signing import Credentials, PostSigner
    from rtdts.runtime.deadline import Deadline
    from rtdts.runtime.logs import get_logger

    class Fixed:
        kept = Credentials(ACCESS_KEY, SECRET_KEY)

        def current(self) -> Credentials:
            return self.kept

    http = ConnectionPool(url, max_idle_s=60)
    signer = PostSigner(url, REGION)
    poster = SocketPoster(http, signer, Fixed(), timeout_s=10, log=get_logger("bench"))
    payload = Payload.of(MESSAGE)

    async def post(to: str) -> None:
        assert await poster.post(to, payload, Deadline(60.0)) is PostOutcome.DELIVERED

    await _measure_async(post, count, at_once, watch)
    http.close()


async def aiohttp(url: str, count: int, at_once: int, watch: Stopwatch) -> None:
    """A general-purpose client with the broadcaster's signer, and a connection for each post."""
    import aiohttp as library
    from yarl import URL

    from broadcaster.sender import Payload
    from broadcaster.signing import Credentials, PostSigner

    signer, credentials = PostSigner(url, REGION), Credentials(ACCESS_KEY, SECRET_KEY)
    payload = Payload.of(MESSAGE)
    origin = url.removesuffix("/live")
    connections = library.TCPConnector(limit=at_once)
    async with library.ClientSession(connector=connections) as session:

        async def post(to: str) -> None:
            path = signer.path(to)
            headers = signer.headers(path, payload, credentials, round(time.time() * 1000))
            address = URL(origin + path, encoded=True)
            async with session.post(address, data=payload.data, headers=headers) as response:
                await response.read()
                assert response.status == 200

        await _measure_async(post, count, at_once, watch)


async def aiobotocore(url: str, count: int, at_once: int, watch: Stopwatch) -> None:
    """The asynchronous SDK, with as many connections as concurrent posts."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    async with get_session().create_client(
        "apigatewaymanagementapi",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=AioConfig(max_pool_connections=at_once),
    ) as client:

        async def post(to: str) -> None:
            await client.post_to_connection(ConnectionId=to, Data=MESSAGE)

        await _measure_async(post, count, at_once, watch)


async def boto3(url: str, count: int, at_once: int, watch: Stopwatch) -> None:
    """The SDK: one after another, or from a number of threads with as many connections."""
    import boto3 as sdk
    from botocore.config import Config

    client: Any = sdk.client(
        "apigatewaymanagementapi",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(max_pool_connections=max(10, at_once)),
    )

    def post(number: int) -> None:
        client.post_to_connection(ConnectionId=connection_id(number), Data=MESSAGE)

    if at_once == 1:
        for number in range(WARM_UP):
            post(number)
        with watch.running():
            for number in range(count):
                post(number)
        return
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(post, range(WARM_UP + at_once)))
        with watch.running():
            list(pool.map(post, range(count)))


CONTENDERS = {"ours": ours, "aiohttp": aiohttp, "aiobotocore": aiobotocore, "boto3": boto3}


def main(argv: list[str]) -> None:
    """Runs one contender."""
    contender, url, count, at_once = argv[0], argv[1], int(argv[2]), int(argv[3])
    watch = Stopwatch()
    asyncio.run(CONTENDERS[contender](f"{url}/live", count, at_once, watch))
    print(json.dumps({"cpu_s": watch.cpu_s, "elapsed_s": watch.elapsed_s}))


if __name__ == "__main__":
    main(sys.argv[1:])
