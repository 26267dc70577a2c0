"""The processes of `bench.sockets_held`: a gateway, plain servers, receivers, posters.

    python -m bench.socket_processes ROLE ARGUMENTS     (ends with its standard input)

A server prints its port. ``receive URL COUNT HELLO`` opens COUNT sockets, sends HELLO on each
(``{n}`` is its number), and prints the first message that each received. Then each line that it
reads is a number of messages to wait for, and it prints how many seconds they took. A poster reads
the ids of its connections; for each further line it posts to all of them and prints the cost.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from bench.posting import ACCESS_KEY, MESSAGE, REGION, SECRET_KEY

API: Final = "bench"
STAGE: Final = "live"
AT_ONCE: Final = 200
OPENS_AT_ONCE: Final = 100
_MANY: Final = 1e9


def raise_file_limit() -> None:
    """Allows as many sockets as this machine permits."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


async def _until_input_ends() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


async def gateway() -> None:
    """The local cloud's gateway, with an API whose Lambda is replaced by a fixed response."""
    from sim.local_cloud.socket_gateway.definitions import Api, Route
    from sim.local_cloud.socket_gateway.gateway import Gateway
    from sim.local_cloud.socket_gateway.settings import Settings
    from sim.local_cloud.socket_gateway.sockets import GatewayProtocol

    class Only:
        async def api(self, api_id: str) -> Api | None:
            return Api(
                api_id=API,
                account="000000000000",
                region=REGION,
                selection="$request.body.action",
                stages={STAGE: {}},
                routes={"$default": Route(function_arn="", responds=True)},
            )

        async def invoke(self, arn: str, event: Mapping[str, Any], request_id: str) -> Any:
            return {"body": event["requestContext"]["connectionId"]}

    settings = Settings.without_aws(
        region=REGION,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        requests_per_s=_MANY,
        request_burst=_MANY,
        connects_per_s=_MANY,
    )
    loop, only = asyncio.get_running_loop(), Only()
    served = Gateway(settings, only, only)
    protocol = GatewayProtocol.factory(served, served.serve)
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=4_096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await _until_input_ends()


async def plain(mode: str) -> None:
    """A plain server of `websockets`; it sends each line that it reads to each socket.

    Args:
        mode: ``broadcast``: one message for all, by the library's function for that; ``each``: one
            after another, as if each viewer had its own message.
    """
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    open_now: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        open_now.add(connection)
        await connection.recv()
        await connection.send("hello")
        await connection.wait_closed()

    text = MESSAGE.decode()
    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        lines: asyncio.Queue[str] = asyncio.Queue()
        _read_lines(lines)
        while await lines.get():
            started_s = time.process_time()
            if mode == "broadcast":
                broadcast(open_now, text)
            else:
                for connection in tuple(open_now):
                    await connection.send(text)
            await asyncio.sleep(0)
            print(time.process_time() - started_s, flush=True)


def _read_lines(lines: asyncio.Queue[str]) -> None:
    """Puts each line of standard input into a queue, and an empty one at its end."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.strip())
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()


class _Receiver(asyncio.Protocol):
    """The cheapest possible client: it only counts whole frames."""

    def __init__(self, request: bytes, hello: bytes, on_frame: Callable[[bytes], None]) -> None:
        self._request = request
        self._hello = hello
        self._on_frame = on_frame
        self._buffer = b""
        self._is_open = False
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        if not self._is_open:
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            assert b" 101 " in head, head
            self._is_open = True
            self._transport.write(_masked(self._hello))
        while len(buffer) >= 2:
            length, start = buffer[1], 2
            if length == 126:
                length, start = int.from_bytes(buffer[2:4], "big"), 4
            if len(buffer) < start + length:
                break
            if buffer[0] & 0x0F < 3:
                if self.first.done():
                    self._on_frame(buffer)
                else:
                    self.first.set_result(buffer[start : start + length])
            buffer = buffer[start + length :]
        self._buffer = buffer


def _masked(text: bytes) -> bytes:
    assert len(text) < 126
    return b"\x81" + bytes([0x80 | len(text)]) + b"\0\0\0\0" + text


async def receive(url: str, count: int, hello: str) -> None:
    """Opens sockets, and counts the received messages."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    received = 0
    reached = asyncio.Event()
    expected = sys.maxsize

    def on_frame(_: bytes) -> None:
        nonlocal received
        received += 1
        if received >= expected:
            reached.set()

    async def open_one(number: int) -> str:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        greeting = hello.replace("{n}", str(number))
        _, receiver = await loop.create_connection(
            lambda: _Receiver(request.encode(), greeting.encode(), on_frame),
            str(parts.hostname),
            parts.port or 80,
        )
        return (await receiver.first).decode()

    firsts: list[str] = []
    for start in range(0, count, OPENS_AT_ONCE):
        numbers = range(start, min(count, start + OPENS_AT_ONCE))
        firsts += await asyncio.gather(*map(open_one, numbers))
    print(json.dumps(firsts), flush=True)
    lines: asyncio.Queue[str] = asyncio.Queue()
    _read_lines(lines)
    while line := await lines.get():
        expected = int(line)
        if received >= expected:
            reached.set()
        started_s = time.perf_counter()
        await reached.wait()
        reached.clear()
        received, expected = received - expected, sys.maxsize
        print(time.perf_counter() - started_s, flush=True)


async def post(url: str) -> None:
    """The broadcaster's poster: for each line a message to each connection named in the first."""
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
    poster = SocketPoster(http, signer, Fixed(), timeout_s=30, log=get_logger("bench"))
    lines: asyncio.Queue[str] = asyncio.Queue()
    _read_lines(lines)
    names: list[str] = json.loads(await lines.get())

    async def worker(waiting: Any) -> None:
        for name in waiting:
            # Each viewer has its own message, which is hashed for it alone.
            payload = Payload.of(MESSAGE)
            assert await poster.post(name, payload, Deadline(60.0)) is PostOutcome.DELIVERED

    print("ready", flush=True)
    while await lines.get():
        waiting = iter(names)
        started_s = time.process_time()
        await asyncio.gather(*(worker(waiting) for _ in range(AT_ONCE)))
        print(time.process_time() - started_s, flush=True)
    http.close()


def main(role: str, *more: str) -> None:
    """Runs one role."""
    raise_file_limit()
    match role, *more:
        case ("gateway",):
            asyncio.run(gateway())
        case ("plain", mode):
            asyncio.run(plain(mode))
        case ("receive", url, count, hello):
            asyncio.run(receive(url, int(count), hello))
        case ("post", url):
            asyncio.run(post(url))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
