"""``python -m bench.round_process round|plain VIEWERS URL``: runs one round and prints its cost.

It has its own process, because its peak memory is part of the result.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, cast

from bench.baselines import plain_round
from bench.posting import ACCESS_KEY, REGION, SECRET_KEY
from bench.round_world import RoundWorld
from broadcaster.connection_pool import ConnectionPool
from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.garbage_collection import collect_less_often
from broadcaster.gateway_signals import GatewaySignals
from broadcaster.http_response import HttpResponse
from broadcaster.poster import SocketPoster
from broadcaster.pushing import Pusher
from broadcaster.quarantine import Quarantine
from broadcaster.rate_limiter import RateLimiter
from broadcaster.round import Bounds, Round
from broadcaster.round_source import RoundBatch
from broadcaster.sender import Sender
from broadcaster.senders import Channel, Senders
from broadcaster.settings import Settings
from broadcaster.signing import Credentials, PostSigner
from broadcaster.slots import Slots
from broadcaster.stops import StopsOfTrucks
from broadcaster.threads import STORE_THREADS, Threads
from broadcaster.update_messages import PositionMessages
from rtdts.delivery_store.shares import ShareKey
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.delivery_buckets import BUCKETS
from rtdts.tracking.shares import Share
from rtdts.tracking.topics import SOCKET

VIEWING_MINUTES = 30


class Fixed:
    """Credentials that never change."""

    kept = Credentials(ACCESS_KEY, SECRET_KEY)

    def current(self) -> Credentials:
        """See `broadcaster.poster.CredentialsSource`."""
        return self.kept


class NoShares:
    """Has no shares."""

    def get_many(self, _keys: Iterable[ShareKey]) -> Mapping[ShareKey, Share]:
        """See `broadcaster.pushing.ShareReader`."""
        return {}


class NoBlocks:
    """Has no blocks, as on most days."""

    def current(self) -> Blocks:
        """See `broadcaster.pushing.BlockReader`."""
        return Blocks()


class CountedBytes(ConnectionPool):
    """Counts the bytes over its connections, without TLS."""

    count = 0

    async def send(self, request: bytes, *, timeout_s: float, write_by: Deadline) -> HttpResponse:
        """See `ConnectionPool`."""
        response = await super().send(request, timeout_s=timeout_s, write_by=write_by)
        self.count += len(request) + len(response.head) + len(response.body) + 4
        return response


async def measure(mode: str, viewers: int, url: str) -> Mapping[str, float]:
    """Runs a round for a number of viewers, after a small one that opens the connections."""
    log = get_logger("bench")
    now_ms = time.time_ns() // 1_000_000
    http = CountedBytes(url, max_idle_s=60)
    poster = SocketPoster(http, PostSigner(f"{url}/live", REGION), Fixed(), timeout_s=30, log=log)
    threads = Threads(STORE_THREADS, "stores")

    async def run_round(world: RoundWorld) -> int:
        if mode == "plain":
            all_viewers = itertools.chain.from_iterable(
                map(world.subscriptions.of_bucket, range(BUCKETS))
            )
            return await plain_round.run_round(
                all_viewers, world.deliveries, world.positions, poster
            )
        # As fast as possible: the cost of a round is measured, not its waiting time.
        round_ = round_of(world, poster, threads, per_s=1e9, log=log)
        return (await round_.run(RoundBatch(now_ms, range(BUCKETS)))).delivered

    await run_round(RoundWorld(min(viewers, 1_000), now_ms))
    world = RoundWorld(viewers, now_ms)
    before_mb = peak_mb()
    http.count = 0
    cpu_s, at_s = time.process_time(), time.perf_counter()
    delivered = await run_round(world)
    cpu_s, elapsed_s = time.process_time() - cpu_s, time.perf_counter() - at_s
    http.close()
    threads.close()
    return {
        "delivered": delivered,
        "cpu_s": cpu_s,
        "elapsed_s": elapsed_s,
        "before_mb": before_mb,
        "peak_mb": peak_mb(),
        "bytes": http.count,
    }


def round_of(
    world: RoundWorld, sender: Sender, threads: Threads, *, per_s: float, log: Logger
) -> Round:
    """A broadcaster's rounds of a world, with default settings except for the rate."""
    rate = RateLimiter(per_s)
    quarantine_slots = default("quarantine_posts")
    quarantine = Quarantine(quarantine_slots, default("post_timeout_s"))
    backoff = EndpointBackoff()
    pusher = Pusher(
        world.deliveries,
        world.subscriptions,
        Senders({SOCKET: Channel(sender, GatewaySignals(backoff, quarantine, rate))}, log=log),
        backoff,
        threads,
        blocks=NoBlocks(),
        shares=NoShares(),
        viewing_minutes=VIEWING_MINUTES,
        log=log,
        trace=PointTrace("", log),
    )
    stops = StopsOfTrucks(world.matches, threads, log=log)
    return Round(
        world.subscriptions,
        pusher,
        lambda: PositionMessages(world.positions, threads, stops, log=log),
        Bounds(Slots(default("round_posts")), Slots(quarantine_slots), rate, backoff, quarantine),
        threads,
        log=log,
    )


def default(name: str) -> int:
    """A setting's default."""
    return int(cast("Any", Settings.__dataclass_fields__[name].default))


def peak_mb() -> float:
    """The peak memory of the process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


if __name__ == "__main__":
    collect_less_often()
    print(json.dumps(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3]))))
