"""A fan-out's server with back-pressure: slow clients respond with 429, some never respond.

    python -m bench.pushing_back_server [bad]     (prints its port, ends with its standard input)

A client's number, in the connection id of `bench.posting`, determines its kind. At its end the
server prints when a truck's position was last written to each client whose right to view ends
during the run.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from bench.stub_server import RESPONSE, StubConnection

_NUMBER: Final = re.compile(rb"POST [^ ]*connections/L0SM([0-9]{7})IhQ")
_THROTTLED: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"x-amzn-ErrorType: LimitExceededException\r\n"
    b"Content-Type: application/json\r\n"
    b"Content-Length: 0\r\n\r\n"
)
REVOKED_EACH: Final = 97


def hangs(number: int) -> bool:
    """Whether the client never responds, as a tenth of them do not."""
    return number % 10 == 0


def takes_one_of(number: int) -> int:
    """How many posts until one is accepted: for three tenths of the clients two or three."""
    return {1: 2, 4: 3, 7: 2}.get(number % 10, 1)


def is_revoked(number: int) -> bool:
    """Whether its right to view ends during the run."""
    return number % REVOKED_EACH == 5


class Clients:
    """What each client was sent."""

    def __init__(self, *, bad: bool) -> None:
        self._bad = bad
        self._posts: collections.Counter[int] = collections.Counter()
        self.shown_at_s: dict[int, float] = {}

    def respond(self, request: bytes) -> bytes | None:
        """The response to a request; None for no response."""
        found = _NUMBER.match(request)
        assert found is not None, request[:100]
        number = int(found[1])
        if is_revoked(number) and b'"position":{' in request:
            self.shown_at_s[number] = time.time()
        if not self._bad:
            return RESPONSE
        if hangs(number):
            return None
        self._posts[number] += 1
        return _THROTTLED if self._posts[number] % takes_one_of(number) else RESPONSE


@contextlib.contextmanager
def pushing_back_server(*, bad: bool) -> Iterator[tuple[str, dict[int, float]]]:
    """Runs it for the length of a block; yields its base URL, and a result filled at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.pushing_back_server", *(["bad"] if bad else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    shown_at_s: dict[int, float] = {}
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}", shown_at_s
    finally:
        process.stdin.close()
        shown_at_s |= {int(k): v for k, v in json.loads(process.stdout.readline() or "{}").items()}
        process.wait(30)
        process.stdout.close()


async def _serve(*, bad: bool) -> None:
    loop = asyncio.get_running_loop()
    clients = Clients(bad=bad)
    server = await loop.create_server(
        lambda: StubConnection(0.0, clients.respond), "127.0.0.1", 0, backlog=2_048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    print(json.dumps(clients.shown_at_s), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(bad=sys.argv[1:] == ["bad"]))
