"""``python -m bench.pushed_back_process VIEWERS ROUND_S URL``: rounds on demand, to a stand-in.

Each line of its standard input requests a round and has two numbers, ``PART PARTS``: while the
round posts, the rights of this part of the viewers whose rights end are revoked. It prints a JSON
line per round: when the healthy and the slow viewers received their message, in seconds after the
round's start, and the peak memory.

A broadcaster's rounds are 60 s apart. Here a round begins when it is requested, so gaps
between two messages are calculated as if each round had begun 60 s after the last one, or when
that ended if it lasted longer.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import sys
import time
from array import array
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bench.posting import REGION
from bench.pushing_back_server import RIGHT_READ_AT, accepts_one_of, hangs, is_revoked
from bench.round_process import Fixed, default, peak_mb, round_of
from bench.round_world import RoundWorld
from broadcaster.connection_pool import ConnectionPool
from broadcaster.garbage_collection import collect_less_often
from broadcaster.http_response import HttpResponse
from broadcaster.poster import SocketPoster
from broadcaster.pushing import RIGHT_MAX_AGE_S
from broadcaster.round_source import RoundBatch
from broadcaster.sender import Payload, PostOutcome
from broadcaster.signing import PostSigner
from broadcaster.threads import STORE_THREADS, Threads
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.tracking.delivery_buckets import BUCKETS

INTERVAL_S: Final = 60.0
MIN_RATE_PER_S: Final = 100.0


class Discarded(io.StringIO):
    """Discards a log, so that it is not part of the measured memory."""

    def write(self, text: str, /) -> int:
        """See `io.StringIO`."""
        return len(text)


class StampingPool(ConnectionPool):
    """Adds to each request when the right to see its message was read."""

    async def send(self, request: bytes, *, timeout_s: float, write_by: Deadline) -> HttpResponse:
        """See `ConnectionPool`."""
        read_at_s = time.monotonic() + write_by.remaining_s - RIGHT_MAX_AGE_S
        line, _, rest = request.partition(b"\r\n")
        stamped = b"%b\r\n%b: %.3f\r\n%b" % (line, RIGHT_READ_AT, read_at_s, rest)
        return await super().send(stamped, timeout_s=timeout_s, write_by=write_by)


class RecordingSender:
    """Posts, and notes when each viewer accepted a message in this round.

    Attributes:
        received_at_s: By the viewer's number, on the monotonic clock; NaN without a message. It
            keeps its size, so that the memory of rounds can be compared.
    """

    def __init__(self, poster: SocketPoster, viewers: int) -> None:
        self._poster = poster
        self.received_at_s = array("d", [math.nan]) * viewers

    def forget(self) -> None:
        """Begins a new round."""
        for number in range(len(self.received_at_s)):
            self.received_at_s[number] = math.nan

    async def post(self, connection_id: str, payload: Payload, write_by: Deadline) -> PostOutcome:
        """See `SocketPoster`."""
        outcome = await self._poster.post(connection_id, payload, write_by)
        if outcome is PostOutcome.DELIVERED:
            self.received_at_s[int(connection_id[4:11])] = time.monotonic()
        return outcome

    async def end(self, connection_id: str) -> PostOutcome:
        """See `SocketPoster`."""
        return await self._poster.end(connection_id)


class Gaps:
    """The longest time between two messages to one of some viewers (see the module)."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._received_at_s = dict.fromkeys(numbers, 0.0)
        self._round_at_s = 0.0
        self.longest_s = 0.0

    def add(self, received_at_s: array[float], begun_s: float, lasted_s: float) -> None:
        """Adds a round: when its viewers received their messages, and when it began."""
        for number, last_s in self._received_at_s.items():
            into_s = received_at_s[number] - begun_s
            if not math.isnan(into_s):
                self._received_at_s[number] = self._round_at_s + into_s
                self.longest_s = max(self.longest_s, self._received_at_s[number] - last_s)
        self._round_at_s += max(INTERVAL_S, lasted_s)

    def close(self) -> float:
        """The longest gap so far; a viewer's silence counts until the next round is due."""
        silence_s = self._round_at_s - min(self._received_at_s.values())
        return max(self.longest_s, silence_s)


class Rounds:
    """A broadcaster's rounds.

    Args:
        viewers: Number of viewers.
        round_s: Duration of all first attempts, at the rate.
        url: The stand-in for API Gateway.
    """

    def __init__(self, viewers: int, round_s: float, url: str) -> None:
        self._viewers = viewers
        self._round_s = round_s
        log = Logger("bench", Discarded())
        self._world = world = RoundWorld(viewers, time.time_ns() // 1_000_000)
        self._http = StampingPool(url, max_idle_s=75)
        timeout_s = default("post_timeout_s")
        signer = PostSigner(f"{url}/live", REGION)
        poster = SocketPoster(self._http, signer, Fixed(), timeout_s=timeout_s, log=log)
        self._sender = RecordingSender(poster, viewers)
        self._threads = threads = Threads(STORE_THREADS, "stores")
        per_s = max(MIN_RATE_PER_S, viewers / round_s)
        self._round = round_of(world, self._sender, threads, per_s=per_s, log=log)
        self._numbers = {
            kind: [number for number in range(viewers) if kind_of(number) == kind]
            for kind in ("healthy", "slow", "revoked")
        }
        self._gaps = Gaps(self._numbers["healthy"])

    async def run(self, part: int, parts: int) -> Mapping[str, Any]:
        """Runs a round, and revokes one part of the rights meanwhile."""
        self._sender.forget()
        revoked_at_s: dict[int, float] = {}
        revoking = asyncio.create_task(self._revoke(part, parts, revoked_at_s))
        begun_s, due_ms = time.monotonic(), time.time_ns() // 1_000_000
        cpu_s = time.process_time()
        until_ms = due_ms + round(INTERVAL_S * 1000)
        report = await self._round.run(RoundBatch(due_ms, range(BUCKETS), until_ms=until_ms))
        lasted_s = time.monotonic() - begun_s
        cpu_s = time.process_time() - cpu_s
        revoking.cancel()
        self._gaps.add(self._sender.received_at_s, begun_s, lasted_s)
        return {
            **self._into_s("healthy", begun_s),
            **self._into_s("slow", begun_s),
            "quarantined": report.quarantined,
            "hung": report.hung,
            "healthy_gap_s": self._gaps.close(),
            "lasted_s": lasted_s,
            "cpu_s": cpu_s,
            "peak_mb": peak_mb(),
            "revoked_at_s": revoked_at_s,
        }

    def close(self) -> None:
        """Ends its connections and threads."""
        self._http.close()
        self._threads.close()

    def _into_s(self, kind: str, begun_s: float) -> Mapping[str, float]:
        """How many viewers of a kind are due, how many received it, the p99, the last."""
        received_at_s = (self._sender.received_at_s[number] for number in self._numbers[kind])
        into_s = sorted(at_s - begun_s for at_s in received_at_s if not math.isnan(at_s))
        return {
            f"{kind}_due": len(self._numbers[kind]),
            f"{kind}_delivered": len(into_s),
            f"{kind}_p99_s": into_s[len(into_s) * 99 // 100] if into_s else math.inf,
            f"{kind}_last_s": into_s[-1] if into_s else math.inf,
        }

    async def _revoke(self, part: int, parts: int, revoked_at_s: dict[int, float]) -> None:
        numbers = self._numbers["revoked"][part::parts]
        for number in numbers:
            await asyncio.sleep(self._round_s / len(numbers))
            self._world.reassigned.add(number)
            revoked_at_s[number] = time.time()


def kind_of(number: int) -> str:
    """A viewer's kind: one whose right is revoked, healthy, slow, or hanging."""
    if is_revoked(number):
        return "revoked"
    if hangs(number):
        return "hanging"
    return "slow" if accepts_one_of(number) > 1 else "healthy"


async def serve(viewers: int, round_s: float, url: str) -> None:
    """Runs a round for each line of the standard input, until it ends."""
    rounds = Rounds(viewers, round_s, url)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        part, parts = line.split()
        print(json.dumps(await rounds.run(int(part), int(parts))), flush=True)
    rounds.close()


if __name__ == "__main__":
    collect_less_often()
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
