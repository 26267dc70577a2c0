"""Decides for each kind of nudge what is pushed, and to which viewers.

Viewers whose endpoint hangs repeatedly (`broadcaster.quarantine`) get no slot of the nudges, so
that they delay no other viewer's change. A change or a snapshot is tried in one of the quarantine's
slots if one is free; a position, and what finds no free slot, is left to the rounds.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from broadcaster.current_deliveries import CurrentDeliveryWriter
from broadcaster.pushing import MAX_CHUNK, Messages, Outcome, Pusher, PushResult
from broadcaster.quarantine import Quarantine
from broadcaster.rate_limiter import Priority, RateLimiter
from broadcaster.slots import Reservation, Slots
from broadcaster.snapshot_messages import EventReader, SnapshotMessages, TrackReader
from broadcaster.stops import StopReader, StopsOfTrucks
from broadcaster.threads import StoreThreads
from broadcaster.update_messages import POSITION_WAIT_S, PositionMessages, TransitionMessages
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.push_queue.nudges import (
    Nudge,
    PositionNudge,
    ShareNudge,
    SnapshotNudge,
    TransitionNudge,
)
from rtdts.runtime.logs import Logger
from rtdts.tracking.roles import SHARE
from rtdts.tracking.topics import delivery_topic

POSITION_BEGUN_WITHIN_S: Final = 3.0
"""If the account's rate does not let a position begin within this time, it is left to the next
position and the round: the queue delivers a nudge again after 5 s, and waiting nudges keep changes
of status from being received."""


class ViewerReader(Protocol):
    """Reads the viewers of a delivery."""

    def of_topic(self, topic: str, /) -> Sequence[Subscription]:
        """The topic's viewers now, read consistently."""

    def find(self, topic: str, endpoint: str, /) -> Subscription | None:
        """The viewer at one endpoint, read consistently."""


@dataclasses.dataclass(frozen=True)
class Stores:
    """The stores that the handling of nudges reads."""

    viewers: ViewerReader
    events: EventReader
    positions: TrackReader
    stops: StopReader


class NudgeHandler:
    """Begins the pushes of a nudge.

    Args:
        slots: Posts at once; separate from those of rounds.
        quarantine: Which endpoints are in quarantine.
        quarantine_slots: Posts at once to those; shared with the rounds.
        rate: How fast posts begin; shared with the rounds, which wait for nudges.
        current: Notified when a person changed a delivery, for the fleet.
        log: Logs a nudge whose event is missing.
        position_wait_s: How long a status or a snapshot waits for positions.
    """

    def __init__(
        self,
        stores: Stores,
        pusher: Pusher,
        slots: Slots,
        quarantine: Quarantine,
        quarantine_slots: Slots,
        rate: RateLimiter,
        threads: StoreThreads,
        *,
        current: CurrentDeliveryWriter,
        log: Logger,
        now_ms: Callable[[], int],
        chunk_size: int = MAX_CHUNK,
        position_wait_s: float = POSITION_WAIT_S,
    ) -> None:
        self._stores = stores
        self._pusher = pusher
        self._slots = slots
        self._quarantine = quarantine
        self._quarantine_slots = quarantine_slots
        self._rate = rate
        self._threads = threads
        self._stops = StopsOfTrucks(stores.stops, threads.tables, log=log, monotonic=rate.now_s)
        self._current = current
        self._log = log
        self._now_ms = now_ms
        self._chunk_size = chunk_size
        self._position_wait_s = position_wait_s

    async def begin(
        self, nudge: Nudge, only: frozenset[str] | None = None
    ) -> list[asyncio.Task[PushResult]]:
        """Reads what the nudge is about and begins the posts.

        Args:
            nudge: What happened.
            only: The endpoints to push to; None for all viewers that the nudge concerns.

        Returns:
            One task per viewer to which a post begins, and per viewer in quarantine that is left to
            the round; none of them raises. An error of a store is raised by this call, before
            anything was posted or after some chunks were.
        """
        if isinstance(nudge, TransitionNudge) and nudge.by_person and only is None:
            self._current.changed(nudge.delivery_id)
        viewers = await self._viewers_of(nudge)
        if only is not None:
            viewers = [one for one in viewers if one.endpoint in only]
        if not viewers:
            return []
        new_messages = await self._messages_of(nudge, viewers[0].role)
        is_position = isinstance(nudge, PositionNudge)
        by_s = self._rate.now_s() + POSITION_BEGUN_WITHIN_S if is_position else math.inf
        begun: list[asyncio.Task[PushResult]] = []
        hanging = [one for one in viewers if self._quarantine.contains(one.endpoint)]
        healthy = [one for one in viewers if one not in hanging] if hanging else viewers
        for first in range(0, len(healthy), self._chunk_size):
            chunk = healthy[first : first + self._chunk_size]
            reserved = await self._reserve(nudge, len(chunk), by_s)
            if reserved is None:
                break
            begun += await self._pusher.begin(chunk, new_messages(), reserved)
        if hanging and not is_position:
            begun += await self._begin_hanging(nudge, hanging, new_messages)
        return begun

    async def _begin_hanging(
        self, nudge: Nudge, viewers: Sequence[Subscription], new_messages: Callable[[], Messages]
    ) -> list[asyncio.Task[PushResult]]:
        """Tries endpoints in quarantine, as far as it has free slots now."""
        max_slots = min(len(viewers), self._chunk_size)
        reserved = await self._quarantine_slots.reserve_free(max_slots)
        tried, left = viewers[: reserved.count], viewers[reserved.count :]
        begun = [asyncio.create_task(_left_to_the_round(one)) for one in left]
        if tried:
            await self._rate.acquire(Priority.CHANGE, _posts(nudge, len(tried)))
            begun += await self._pusher.begin(tried, new_messages(), reserved)
        return begun

    async def _reserve(self, nudge: Nudge, viewers: int, by_s: float) -> Reservation | None:
        """Waits until posts to this many viewers may begin; None when it is too late for them."""
        if not isinstance(nudge, PositionNudge):
            await self._rate.acquire(Priority.CHANGE, _posts(nudge, viewers))
            return await self._slots.reserve(viewers)
        if not await self._rate.acquire(Priority.POSITION, viewers, by_s=by_s):
            return None
        try:
            # Behind changes: otherwise positions would take each slot that becomes free while
            # connections hang.
            async with asyncio.timeout(by_s - self._rate.now_s()):
                return await self._slots.reserve_behind(viewers)
        except TimeoutError:
            return None

    async def _viewers_of(self, nudge: Nudge) -> Sequence[Subscription]:
        read = self._stores.viewers
        topic = delivery_topic(nudge.delivery_id)
        if not isinstance(nudge, SnapshotNudge):
            viewers = await self._threads.tables.run(read.of_topic, topic)
            if isinstance(nudge, ShareNudge):
                return [one for one in viewers if _is_by_share(one, nudge.share_id)]
            return viewers
        viewer = await self._threads.tables.run(read.find, topic, nudge.endpoint)
        # When a viewer sends requests repeatedly, only the latest one is handled.
        is_overtaken = viewer is not None and viewer.subscribed_at_ms > nudge.subscribed_at_ms > 0
        return () if viewer is None or is_overtaken else (viewer,)

    async def _messages_of(self, nudge: Nudge, first_role: str) -> Callable[[], Messages]:
        match nudge:
            case SnapshotNudge():
                return lambda: SnapshotMessages(
                    self._stores.events,
                    self._stores.positions,
                    self._threads.tables,
                    self._threads.positions,
                    self._stops,
                    role=first_role,  # a snapshot's only viewer
                    since_version=nudge.since_version,
                    log=self._log,
                    wait_s=self._position_wait_s,
                    now_ms=self._now_ms,
                )
            case PositionNudge() | ShareNudge():
                return self._position_messages
            case TransitionNudge():
                return await self._transition_messages(nudge)

    async def _transition_messages(self, nudge: TransitionNudge) -> Callable[[], Messages]:
        events = await self._threads.tables.run(
            self._stores.events.events, nudge.delivery_id, nudge.version - 1
        )
        # This event and not the newest: each event has its own nudge.
        event = next((one for one in events if one.version == nudge.version), None)
        if event is None:
            self._log.error(
                "nudged_event_missing", delivery_id=nudge.delivery_id, version=nudge.version
            )
            return self._position_messages
        return lambda: TransitionMessages(
            event,
            self._position_messages(is_change=True),
            wait_s=self._position_wait_s,
            now_ms=self._now_ms,
        )

    def _position_messages(self, *, is_change: bool = False) -> PositionMessages:
        return PositionMessages(
            self._stores.positions,
            self._threads.positions,
            self._stops,
            log=self._log,
            is_change=is_change,
            now_ms=self._now_ms,
        )


async def _left_to_the_round(viewer: Subscription) -> PushResult:
    return PushResult(viewer, Outcome.QUARANTINED, ended=False)


def _posts(nudge: Nudge, viewers: int) -> int:
    """The number of posts to these viewers: a change of status has two, status and position."""
    return viewers * (2 if isinstance(nudge, TransitionNudge) else 1)


def _is_by_share(viewer: Subscription, share_id: str) -> bool:
    return viewer.role == SHARE and viewer.identity == share_id
