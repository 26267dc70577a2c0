"""A fan-out's server: reads each HTTP request to its end and responds with 200 at once.

    python -m bench.stub_server [DELAY_MS]     (prints its port, ends with its standard input)

It does as little as possible, so that the client is measured. It runs in its own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Final

_LENGTH: Final = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"
RESPONSE: Final = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/json\r\n"
    b"x-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
    b"Content-Length: 0\r\n\r\n"
)
"""A response with the headers of API Gateway that a client must process."""


class StubConnection(asyncio.Protocol):
    """One connection.

    Args:
        delay_s: From a request's end to its response.
        respond: Makes the response to a request; None for no response.
    """

    def __init__(
        self, delay_s: float, respond: Callable[[bytes], bytes | None] = lambda _: RESPONSE
    ) -> None:
        self._delay_s = delay_s
        self._respond = respond
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._request_end: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        assert self._transport is not None
        self._buffer += data
        while True:
            if self._request_end is None:
                end = self._buffer.find(_HEAD_END)
                if end < 0:
                    return
                length = _LENGTH.search(self._buffer, 0, end)
                self._request_end = end + len(_HEAD_END) + (int(length[1]) if length else 0)
            if len(self._buffer) < self._request_end:
                return
            request, self._buffer = (
                self._buffer[: self._request_end],
                self._buffer[self._request_end :],
            )
            self._request_end = None
            respond = self._respond(request)
            if respond is None:
                continue
            if self._delay_s:
                loop = asyncio.get_running_loop()
                loop.call_later(self._delay_s, self._transport.write, respond)
            else:
                self._transport.write(respond)


@contextlib.contextmanager
def stub_server(delay_ms: int = 0) -> Iterator[str]:
    """Runs it for the length of a block; yields its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.stub_server", str(delay_ms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


async def _serve(delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: StubConnection(delay_s), "127.0.0.1", 0, backlog=1_024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # its end: nothing is ever written to it
    await ended.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(float(sys.argv[1]) / 1_000 if sys.argv[1:] else 0.0))
