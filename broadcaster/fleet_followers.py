"""The fleet's topic: once per second a snapshot of every view that a dispatcher has open.

Each tick does this, in order:

1. the followers of the fleet are read, consistently, with the blocked tokens;
2. a follower whose right has ended is sent `ended` and its subscription is removed; the endpoint
   of a revoked token is ended;
3. each distinct query (of equal views) runs once, however many followers share it.
   Queries of different dispatchers run in parallel, those of one dispatcher one after the other:
   so no dispatcher occupies more than one thread, however many sockets and views it has. After a
   slow query it pauses, so that it takes no more than a tenth of a thread's time;
4. each snapshot is posted to the followers of its query, except to those that were last sent a
   snapshot that shows the same.

A snapshot is complete, so nothing is repeated: a follower that was not reached, or whose view could
not be read, gets the next snapshot.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from typing import Final, Protocol

from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.fleet_parts import FleetParts
from broadcaster.fleet_snapshots import FleetSnapshots
from broadcaster.keyed_locks import KeyedLocks
from broadcaster.pushing import (
    RIGHT_MAX_AGE_S,
    BlockReader,
    SubscriptionRemover,
    end_endpoint,
    is_revoked,
)
from broadcaster.rate_limiter import Priority, RateLimiter
from broadcaster.round_clock import ticks
from broadcaster.sender import Payload, PostOutcome
from broadcaster.senders import Senders
from broadcaster.threads import Threads
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.runtime import wall_clock
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import Metric
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.fleet_messages import FleetSnapshot, encode_fleet, encode_fleet_ended
from rtdts.tracking.topics import FLEET
from rtdts.tracking.viewing import EndReason, right_to_fleet

METRICS: Final = (
    Metric("FleetViewers", "Count"),
    Metric("FleetMessagesDelivered", "Count"),
    Metric("FleetMessagesNotReached", "Count"),
    Metric("FleetSnapshotsFailed", "Count"),
    Metric("FleetSnapshotDuration", "Milliseconds"),
)

INTERVAL_S: Final = 1.0
"""Time between snapshots. The index is not refreshed more often."""

REPEAT_AFTER_S: Final = 10.0
"""A snapshot that shows nothing new is sent again after this time, so that the viewer knows that it
is still current."""

_PAUSE_FACTOR: Final = 9.0
"""How long a query pauses after it ran, as a multiple of its duration."""

_RELEASE_TIMEOUT_S: Final = 2.0

_POSTS: Final = 100
"""Concurrent posts of the fleet, separate from others, so that no round and no nudge waits for
them."""


class FollowerReader(SubscriptionRemover, Protocol):
    """Reads and removes the subscriptions to the fleet."""

    def of_topic(self, topic: str, /) -> Sequence[Subscription]:
        """The topic's subscriptions now, read consistently."""


@dataclasses.dataclass(frozen=True)
class _Shown:
    """The last snapshot that was delivered to an endpoint."""

    subscribed_at_ms: int
    snapshot: FleetSnapshot
    at_s: float


class FleetFollowers:
    """Pushes snapshots of the fleet to dispatchers.

    Args:
        followers: The subscriptions to the fleet.
        parts: Which queries this broadcaster serves.
        backoff: Which endpoints are not posted to now; shared by all pushes of the process.
        rate: How fast posts begin; also shared.
        blocks: Reads blocked identities and tokens; a revoked token ends a right.
    """

    def __init__(
        self,
        followers: FollowerReader,
        snapshots: FleetSnapshots,
        parts: FleetParts,
        senders: Senders,
        backoff: EndpointBackoff,
        rate: RateLimiter,
        threads: Threads,
        *,
        blocks: BlockReader,
        log: Logger,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._followers = followers
        self._snapshots = snapshots
        self._parts = parts
        self._senders = senders
        self._backoff = backoff
        self._rate = rate
        self._threads = threads
        self._blocks = blocks
        self._log = log
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._sleep = sleep
        self._slots = asyncio.Semaphore(_POSTS)
        self._querying: dict[bytes, asyncio.Task[None]] = {}
        self._locks = KeyedLocks(wait_s=None)
        self._own_query_keys: frozenset[bytes] = frozenset()
        self._paused_until_s: dict[bytes, float] = {}
        self._posting: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, _Shown] = {}
        self._counts: collections.Counter[str] = collections.Counter()
        self._maxima: collections.Counter[str] = collections.Counter()

    async def run(self) -> None:
        """Runs a tick per second until cancelled; what fails is tried again with the next tick."""
        try:
            async for _ in ticks(INTERVAL_S, now_ms=self._now_ms, sleep=self._sleep):
                try:
                    await self.tick()
                except Exception as error:  # a failure of the fleet must not end the rounds
                    self._counts["FleetSnapshotsFailed"] += 1
                    self._log.exception("fleet_followers_not_read", error)
        finally:
            for task in (*self._querying.values(), *self._posting.values()):
                task.cancel()
            with suppress(TimeoutError):  # the leases expire anyway
                async with asyncio.timeout(_RELEASE_TIMEOUT_S):
                    await self._parts.release()

    async def tick(self) -> None:
        """Begins what is due: reads the followers and starts the queries that are not running."""
        followers, blocks = await self._threads.run(self._read)
        self._maxima["FleetViewers"] = max(self._maxima["FleetViewers"], len(followers))
        followers_of: dict[bytes, list[Subscription]] = {}
        for one in followers:
            query_key = b"" if one.view is None else one.view.query_key
            followers_of.setdefault(query_key, []).append(one)
        own = await self._parts.acquire(followers_of)
        self._own_query_keys = frozenset(own)
        self._drop_others({one.endpoint for key in own for one in followers_of[key]}, followers_of)
        for query_key in own:
            self._query(query_key, followers_of[query_key], blocks)

    def collect_metrics(self) -> dict[str, float]:
        """The values of `METRICS` since the last call: sums; maxima of viewers and durations."""
        counts, self._counts = self._counts, collections.Counter()
        maxima, self._maxima = self._maxima, collections.Counter()
        return {metric.name: max(counts[metric.name], maxima[metric.name]) for metric in METRICS}

    def _read(self) -> tuple[Sequence[Subscription], Blocks]:
        return self._followers.of_topic(FLEET), self._blocks.current()

    def _drop_others(self, endpoints: set[str], query_keys: Collection[bytes]) -> None:
        """Drops the state of other broadcasters' views: if one comes back, it is sent again."""
        self._shown = {one: shown for one, shown in self._shown.items() if one in endpoints}
        self._paused_until_s = {
            one: until_s for one, until_s in self._paused_until_s.items() if one in query_keys
        }

    def _query(self, query_key: bytes, followers: Sequence[Subscription], blocks: Blocks) -> None:
        entitled = [one for one in followers if self._is_entitled(one, blocks)]
        if not entitled or query_key in self._querying:
            return
        if self._monotonic() < self._paused_until_s.get(query_key, 0.0):
            return
        task = asyncio.create_task(self._show(query_key, entitled))
        self._querying[query_key] = task
        task.add_done_callback(lambda _: self._querying.pop(query_key, None))

    async def _show(self, query_key: bytes, followers: Sequence[Subscription]) -> None:
        # Waits in the shortest queue of its dispatchers: one with many queries must not delay
        # another that shares one of them.
        dispatchers = {f"{one.role}:{one.identity}" for one in followers}
        async with self._locks.hold(min(sorted(dispatchers), key=self._locks.length)):
            # Otherwise all its followers have changed their view meanwhile.
            if query_key in self._own_query_keys:
                await self._show_now(query_key, followers)

    async def _show_now(self, query_key: bytes, followers: Sequence[Subscription]) -> None:
        view = followers[0].view
        if view is None:
            return
        began_at_s = self._monotonic()
        try:
            snapshot = await self._snapshots.take(view, self._now_ms())
        except Exception as error:  # a failure of one view must not affect the others
            self._counts["FleetSnapshotsFailed"] += 1
            self._log.exception("fleet_not_read", error, viewers=len(followers))
            return
        finally:
            took_s = self._monotonic() - began_at_s
            self._paused_until_s[query_key] = self._monotonic() + took_s * _PAUSE_FACTOR
            took_ms = round(took_s * 1000)
            self._maxima["FleetSnapshotDuration"] = max(
                self._maxima["FleetSnapshotDuration"], took_ms
            )
        # A token may have been revoked while the snapshot was taken.
        blocks = await self._threads.run(self._blocks.current)
        for follower in followers:
            if self._is_new(follower, snapshot) and self._is_entitled(follower, blocks):
                self._post(follower, snapshot)

    def _is_new(self, follower: Subscription, snapshot: FleetSnapshot) -> bool:
        shown = self._shown.get(follower.endpoint)
        if shown is None or shown.subscribed_at_ms != follower.subscribed_at_ms:
            return True
        is_due = self._monotonic() - shown.at_s >= REPEAT_AFTER_S
        return is_due or not snapshot.shows_the_same_as(shown.snapshot)

    def _is_entitled(self, follower: Subscription, blocks: Blocks) -> bool:
        """Whether the follower may see the fleet now; if not, begins to end its subscription."""
        now_ms = self._now_ms()
        ended = right_to_fleet(
            role=follower.role, token_expires_at_ms=follower.token_expires_at_ms, now_ms=now_ms
        )
        revoked = is_revoked(follower, blocks, now_ms)
        if ended is None and not revoked:
            return True
        self._begin(follower, self._end(follower, revoked=revoked))
        return False

    def _post(self, follower: Subscription, snapshot: FleetSnapshot) -> None:
        self._begin(follower, self._send(follower, snapshot))

    def _begin(self, follower: Subscription, posting: Coroutine[object, object, None]) -> None:
        """Starts a post, unless the endpoint backs off or a post to it is in progress.

        So a viewer that reads slowly misses snapshots.
        """
        endpoint = follower.endpoint
        if endpoint in self._posting or self._backoff.remaining_s(endpoint) > 0:
            posting.close()
            self._counts["FleetMessagesNotReached"] += 1
            return
        task = asyncio.create_task(posting)
        self._posting[endpoint] = task
        task.add_done_callback(lambda _: self._posting.pop(endpoint, None))

    async def _send(self, follower: Subscription, snapshot: FleetSnapshot) -> None:
        def message() -> bytes:
            name = None if follower.view is None else follower.view.view
            return encode_fleet(snapshot, view=name, sent_at_ms=self._now_ms())

        # A snapshot that waits for longer than its right is valid is dropped for the next one.
        outcome = await self._post_message(follower, Priority.FLEET, message)
        if outcome is PostOutcome.DELIVERED:
            self._counts["FleetMessagesDelivered"] += 1
            self._shown[follower.endpoint] = _Shown(
                follower.subscribed_at_ms, snapshot, self._monotonic()
            )
        elif outcome is not PostOutcome.GONE:
            self._counts["FleetMessagesNotReached"] += 1

    async def _end(self, follower: Subscription, *, revoked: bool) -> None:
        def message() -> bytes:
            return encode_fleet_ended(EndReason.TOKEN_EXPIRED, sent_at_ms=self._now_ms())

        # With the priority of a change, as for a delivery. If it can't begin now, the next tick
        # retries.
        is_over = (
            await self._post_message(follower, Priority.CHANGE, message) is PostOutcome.DELIVERED
        )
        if revoked:
            is_over |= await end_endpoint(self._senders, follower, self._log)
        if is_over:
            await self._remove(follower)

    async def _post_message(
        self, follower: Subscription, priority: Priority, message: Callable[[], bytes]
    ) -> PostOutcome:
        """Posts when there is a slot and the rate allows it, or gives up when it is too late."""
        # The right was checked just now: a post that waited too long for a slot is not sent on it.
        write_by = Deadline(RIGHT_MAX_AGE_S, self._monotonic)
        async with self._slots:
            by_s = self._rate.now_s() + write_by.remaining_s
            if not await self._rate.acquire(priority, 1, by_s=by_s) or write_by.passed:
                return PostOutcome.TOO_LATE
            return await self._outcome_of_post(follower, message(), write_by)

    async def _outcome_of_post(
        self, follower: Subscription, message: bytes, write_by: Deadline
    ) -> PostOutcome:
        try:
            outcome = await self._senders.post(follower.endpoint, Payload.of(message), write_by)
        except Exception as error:  # a bug that one endpoint triggers
            self._log.exception("fleet_not_posted", error, endpoint=follower.endpoint)
            return PostOutcome.FAILED
        if outcome is PostOutcome.GONE:
            await self._remove(follower)
        return outcome

    async def _remove(self, follower: Subscription) -> None:
        self._shown.pop(follower.endpoint, None)
        try:
            await self._threads.run(self._followers.end, follower)
        except Exception as error:  # the next tick tries again
            self._log.exception(
                "subscription_not_removed", error, topic=FLEET, endpoint=follower.endpoint
            )
