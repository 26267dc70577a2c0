"""``python -m bench.pushed_back_process VIEWERS ROUNDS URL``: rounds while a server pushes back.

Prints for each round when the healthy viewers received it, in seconds after its start, and the peak
memory. Rounds follow each other immediately; the next one is due 60 s after a round's start. Some
rights to view end while the last round posts.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from bench.posting import REGION
from bench.pushing_back_server import hangs, is_revoked, takes_one_of
from bench.round_process import VIEWING_MINUTES, Fixed, NoBlocks, NoShares, default, peak_mb
from bench.round_world import RoundWorld
from broadcaster.connection_pool import ConnectionPool
from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.gateway_signals import GatewaySignals
from broadcaster.poster import SocketPoster
from broadcaster.pushing import Pusher
from broadcaster.quarantine import Quarantine
from broadcaster.rate_limiter import RateLimiter
from broadcaster.round import Bounds, Round
from broadcaster.round_source import Share
from broadcaster.sender import Payload, PostOutcome
from broadcaster.senders import Channel, Senders
from broadcaster.signing import PostSigner
from broadcaster.slots import Slots
from broadcaster.stops import StopsOfTrucks
from broadcaster.threads import Threads
from broadcaster.update_messages import PositionMessages
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.delivery_buckets import BUCKETS
from rtdts.tracking.topics import SOCKET

INTERVAL_S = 60.0
A_ROUND_S = 30.0
"""Duration of all first attempts, at the rate."""
REVOKED_A_SECOND = 20


class Noted:
    """A poster that notes when each viewer took a message."""

    def __init__(self, poster: SocketPoster) -> None:
        self._poster = poster
        self.received_at_s: dict[int, float] = {}

    async def post(self, connection_id: str, payload: Payload, write_by: Deadline) -> PostOutcome:
        """See `SocketPoster`."""
        outcome = await self._poster.post(connection_id, payload, write_by)
        if outcome is PostOutcome.DELIVERED:
            self.received_at_s[int(connection_id[4:11])] = time.monotonic()
        return outcome

    async def end(self, connection_id: str) -> PostOutcome:
        """See `SocketPoster`."""
        return await self._poster.end(connection_id)


async def measure(viewers: int, rounds: int, url: str) -> Mapping[str, Any]:
    """Runs the rounds."""
    log = Logger("bench", io.StringIO())
    now_ms = time.time_ns() // 1_000_000
    world = RoundWorld(viewers, now_ms)
    http = ConnectionPool(url, max_idle_s=75)
    timeout_s = default("post_timeout_s")
    signer = PostSigner(f"{url}/live", REGION)
    poster = Noted(SocketPoster(http, signer, Fixed(), timeout_s=timeout_s, log=log))
    threads = Threads(default("store_threads"), "stores")
    rate = RateLimiter(max(100.0, viewers / A_ROUND_S))
    quarantine = Quarantine(default("quarantine_posts"), timeout_s)
    backoff = EndpointBackoff()
    signals = GatewaySignals(backoff, quarantine, rate)
    pusher = Pusher(
        world.deliveries,
        world.subscriptions,
        Senders({SOCKET: Channel(poster, signals)}, log=log),
        backoff,
        threads,
        blocks=NoBlocks(),
        shares=NoShares(),
        viewing_minutes=VIEWING_MINUTES,
        log=log,
        trace=PointTrace("", log),
    )
    stops = StopsOfTrucks(world.matches, threads, log=log)
    round_ = Round(
        world.subscriptions,
        pusher,
        lambda: PositionMessages(world.positions, threads, stops, log=log),
        Bounds(
            Slots(default("round_posts")),
            Slots(default("quarantine_posts")),
            rate,
            backoff,
            quarantine,
        ),
        threads,
        log=log,
    )
    held = []
    for number in range(rounds):
        log = Logger("bench", io.StringIO())
        poster.received_at_s = {}
        revoked_at_s: dict[int, float] = {}
        is_last = number == rounds - 1
        revoking = asyncio.create_task(_revoke(world, viewers, revoked_at_s, when=is_last))
        begun_s, due_ms = time.monotonic(), time.time_ns() // 1_000_000
        cpu_s = time.process_time()
        share = Share(due_ms, range(BUCKETS), until_ms=due_ms + round(INTERVAL_S * 1000))
        report = await round_.hold(share)
        revoking.cancel()
        held.append(
            {
                "into_s": _into_s(poster.received_at_s, begun_s, viewers, revoked_at_s),
                "lasted_s": report.duration_ms / 1000,
                "quarantined": report.quarantined,
                "peak_mb": peak_mb(),
                "cpu_s": time.process_time() - cpu_s,
                "revoked_at_s": revoked_at_s,
            }
        )
    http.close()
    threads.close()
    return {"rounds": held}


def _into_s(
    received_at_s: Mapping[int, float], begun_s: float, viewers: int, revoked: Mapping[int, float]
) -> Mapping[str, float]:
    """For healthy and slow viewers: how many, how many received it, the p99, the last."""
    result: dict[str, float] = {}
    for kind in ("healthy", "slow"):
        numbers = [
            number
            for number in range(viewers)
            if not hangs(number)
            and (takes_one_of(number) > 1) == (kind == "slow")
            and number not in revoked
            and not is_revoked(number)
        ]
        into_s = sorted(
            received_at_s[number] - begun_s for number in numbers if number in received_at_s
        )
        result |= {
            f"{kind}_due": len(numbers),
            f"{kind}_delivered": len(into_s),
            f"{kind}_p99_s": into_s[len(into_s) * 99 // 100],
            f"{kind}_last_s": into_s[-1],
        }
    return result


async def _revoke(
    world: RoundWorld, viewers: int, revoked_at_s: dict[int, float], *, when: bool
) -> None:
    for number in filter(is_revoked, range(viewers)):
        if not when:
            return
        world.reassigned.add(number)
        revoked_at_s[number] = time.time()
        await asyncio.sleep(1 / REVOKED_A_SECOND)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))))
