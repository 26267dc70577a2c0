"""A fan-out's server with back-pressure: slow clients respond with 429, some never respond.

    python -m bench.pushing_back_server bad|clean     (prints its port)

A client's number, in the connection id of `bench.posting`, determines its kind. After a line on its
standard input, and at the end of that, the server prints JSON: when a truck's position was last
written to each client whose right to view ends during the run, and the longest time from reading a
right to the arrival of a message that was sent on it.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import re
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from bench.stub_server import RESPONSE, StubConnection

RIGHT_READ_AT: Final = b"x-right-read-at"
"""The header that says when a message's right was read, in seconds of the machine's monotonic
clock, which all its processes share."""
_NUMBER: Final = re.compile(rb"POST [^ ]*connections/L0SM([0-9]{7})IhQ")
_READ_AT: Final = re.compile(RIGHT_READ_AT + rb": ([0-9.]+)\r\n")
_THROTTLED: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"x-amzn-ErrorType: LimitExceededException\r\n"
    b"Content-Type: application/json\r\n"
    b"Content-Length: 0\r\n\r\n"
)
REVOKED_EACH: Final = 97


def hangs(number: int) -> bool:
    """Whether the client never responds: a tenth of them."""
    return number % 10 == 0


def accepts_one_of(number: int) -> int:
    """How many posts until one is accepted: for three tenths of the clients two or three."""
    return {1: 2, 4: 3, 7: 2}.get(number % 10, 1)


def is_revoked(number: int) -> bool:
    """Whether its right to view ends during the run."""
    return number % REVOKED_EACH == 5


class Clients:
    """What each client was sent.

    Args:
        bad: Whether some clients are slow or hang; otherwise each accepts everything.
    """

    def __init__(self, *, bad: bool) -> None:
        self._bad = bad
        self._posts: collections.Counter[int] = collections.Counter()
        self._shown_at_s: dict[int, float] = {}
        self._oldest_right_s = 0.0

    def respond(self, request: bytes) -> bytes | None:
        """The response to a request; None for no response."""
        found, read_at = _NUMBER.match(request), _READ_AT.search(request)
        assert found is not None, request[:100]
        assert read_at is not None, request[:200]
        self._oldest_right_s = max(self._oldest_right_s, time.monotonic() - float(read_at[1]))
        number = int(found[1])
        if is_revoked(number) and b'"position":{' in request:
            self._shown_at_s[number] = time.time()
        if not self._bad:
            return RESPONSE
        if hangs(number):
            return None
        self._posts[number] += 1
        return _THROTTLED if self._posts[number] % accepts_one_of(number) else RESPONSE

    def report(self) -> Mapping[str, Any]:
        """What it has noted so far."""
        return {"shown_at_s": self._shown_at_s, "oldest_right_s": self._oldest_right_s}


async def _serve(*, bad: bool) -> None:
    loop = asyncio.get_running_loop()
    clients = Clients(bad=bad)
    server = await loop.create_server(
        lambda: StubConnection(0.0, clients.respond), "127.0.0.1", 0, backlog=2_048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(clients.report()), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(bad=sys.argv[1:] == ["bad"]))
