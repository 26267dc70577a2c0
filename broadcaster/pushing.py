"""From viewers to posts: reads the rights, composes, posts to each viewer, handles the responses.

The round and the nudges differ only in their viewers and in the `Messages` that they push. For a
chunk of viewers, in this order:

1. slots for all its posts are reserved (by the caller);
2. the deliveries are read, consistently, and the shares of viewers without a token;
3. the messages read what they need (positions, the log, the track). When that took long, the
   deliveries are read again: a right is at most `RIGHT_MAX_AGE_S` old when a post is written to its
   endpoint, however long it takes to connect before;
4. each viewer's right is decided. The messages of one viewer are posted one after the other, all
   viewers at once;
5. the subscriptions of endpoints that no longer exist, and of viewers that received `ended`, are
   removed; the endpoint of a revoked token is ended.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.keyed_locks import LOCK_WAIT_S, KeyedLocks
from broadcaster.point_steps import log_points
from broadcaster.sender import Payload, PostOutcome
from broadcaster.senders import Senders
from broadcaster.slots import Reservation
from broadcaster.stops import STOPS_MAX_AGE_S
from broadcaster.threads import Threads
from rtdts.delivery_store.deliveries import FoundDeliveries
from rtdts.delivery_store.shares import ShareKey
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.runtime import wall_clock
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.blocks import Blocks, Token
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.roles import SHARE
from rtdts.tracking.shares import Share
from rtdts.tracking.viewer_messages import encode_ended
from rtdts.tracking.viewing import Ended, EndReason, MayView, Right, right_to_view

MAX_CHUNK: Final = 100
"""Viewers per chunk: DynamoDB's BatchGetItem takes 100 keys."""

RIGHT_MAX_AGE_S: Final = 2.0
"""The longest time between reading what a right depends on and writing anything of it to an
endpoint."""

_WRITTEN_WITHIN_S: Final = RIGHT_MAX_AGE_S - STOPS_MAX_AGE_S
"""The longest time between reading a delivery and writing to an endpoint. It is shorter because the
truck's stops may have been read before the delivery."""

_READ_AGAIN_AFTER_S: Final = _WRITTEN_WITHIN_S / 2
"""Deliveries are read again when reading for the messages took this long: half of a right's
validity would have passed before the first post."""

_READINGS: Final = 3
"""How often a chunk is read before the rest of it is left to the next round."""


class DeliveryReader(Protocol):
    """Reads deliveries as they are now."""

    def get_many(self, delivery_ids: Iterable[str], /) -> FoundDeliveries:
        """The deliveries that exist, read consistently."""


class BlockReader(Protocol):
    """See `rtdts.delivery_store.block_list.BlockList`."""

    def current(self) -> Blocks:
        """Which identities and tokens are blocked; reads them again periodically."""


class ShareReader(Protocol):
    """Reads shares as they are now."""

    def get_many(self, keys: Iterable[ShareKey], /) -> Mapping[ShareKey, Share]:
        """The shares that exist, read consistently."""


class SubscriptionRemover(Protocol):
    """Removes subscriptions."""

    def end(self, read: Subscription, /) -> None:
        """Removes a subscription as it was read; no error if missing, a renewed one stays."""


Compose = Callable[[Delivery, Right], Sequence[Payload]]
"""Composes the messages for a viewer with a right, or for one whose right has ended in a status
that it may still receive; the pusher adds `ended`."""


class Messages(Protocol):
    """The messages that are pushed to the viewers of a chunk."""

    async def prepare(self, deliveries: Mapping[str, Delivery]) -> Compose:
        """Reads what the messages need; called again when the deliveries are read again."""


class Outcome(enum.Enum):
    """The outcome of one viewer's push."""

    DELIVERED = "delivered"
    GONE = "gone"
    THROTTLED = "throttled"
    OVER_QUOTA = "over_quota"
    HUNG = "hung"
    FAILED = "failed"
    BACKED_OFF = "backed_off"
    """Not tried: the endpoint was throttled a moment ago, or another nudge's message to it is
    still in progress."""
    QUARANTINED = "quarantined"
    """Not tried: the endpoint hangs repeatedly, and no slot was free for it, or its pause lasts."""
    RIGHT_TOO_OLD = "right_too_old"
    """Not tried (or not completed): the right would have to be read again."""


_OUTCOMES: Final = {
    PostOutcome.DELIVERED: Outcome.DELIVERED,
    PostOutcome.GONE: Outcome.GONE,
    PostOutcome.THROTTLED: Outcome.THROTTLED,
    PostOutcome.OVER_QUOTA: Outcome.OVER_QUOTA,
    PostOutcome.HUNG: Outcome.HUNG,
    PostOutcome.FAILED: Outcome.FAILED,
    PostOutcome.TOO_LATE: Outcome.RIGHT_TOO_OLD,
}


class PushResult(NamedTuple):
    """One viewer's push."""

    subscription: Subscription
    outcome: Outcome
    ended: bool
    """Whether the messages included `ended`, delivered or not."""


@dataclasses.dataclass(frozen=True)
class _Stored:
    """What rights are decided from, read at one time."""

    blocks: Blocks
    found: FoundDeliveries
    shares: Mapping[ShareKey, Share] | None
    """None when they could not be read: rights by shares are unknown then, and none is ended."""


@dataclasses.dataclass(frozen=True)
class _Reading:
    good_until: Deadline
    """When the rights that were read become too old."""
    stored: _Stored
    compose: Compose


class _Push(NamedTuple):
    """What is to be pushed to one viewer."""

    viewer: Subscription
    payloads: Sequence[Payload] | None = None
    """None when they could not be composed."""
    ended: bool = False
    """Whether the right has ended; the last of the payloads is `ended` then."""
    is_revoked: bool = False
    """Whether the token is revoked: then the endpoint is ended, too."""


_REVOKED: Final = Ended(reason=EndReason.TOKEN_EXPIRED)

_Post = Callable[[str, Sequence[Payload], Deadline], Awaitable[Outcome]]
"""Posts messages to an endpoint, with a right that is valid until the deadline."""


class Pusher:
    """Pushes messages to chunks of viewers.

    Args:
        deliveries: Reads deliveries, on which rights depend.
        subscriptions: Where ended subscriptions, and those whose endpoint is gone, are removed.
        backoff: Which endpoints are not posted to now; shared by all pushes of the process.
        blocks: Reads blocked identities and tokens; a revoked token ends a right.
        shares: Reads shares, for viewers that have a share instead of a token.
        viewing_minutes: How long a closed delivery may be viewed.
        log: Logs failures, such as a subscription that could not be removed.
        trace: Logs to which viewers the points of some trucks were posted.
        lock_wait_s: How long a post waits for another one to the same endpoint.
    """

    def __init__(
        self,
        deliveries: DeliveryReader,
        subscriptions: SubscriptionRemover,
        senders: Senders,
        backoff: EndpointBackoff,
        threads: Threads,
        *,
        blocks: BlockReader,
        shares: ShareReader,
        viewing_minutes: int,
        log: Logger,
        trace: PointTrace,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        monotonic: Callable[[], float] = time.monotonic,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        self._deliveries = deliveries
        self._blocks = blocks
        self._shares = shares
        self._subscriptions = subscriptions
        self._senders = senders
        self._backoff = backoff
        self._threads = threads
        self._viewing_minutes = viewing_minutes
        self._log = log
        self._trace = trace
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._locks = KeyedLocks(lock_wait_s)
        self._posting: set[asyncio.Future[list[PushResult | BaseException]]] = set()

    async def push(
        self, viewers: Sequence[Subscription], messages: Messages, reserved: Reservation
    ) -> list[PushResult]:
        """Pushes to a chunk and waits for every response; reads again when rights got too old.

        Args:
            viewers: At most `MAX_CHUNK`.
            messages: What is pushed.
            reserved: A slot for each viewer; all are released.
        """
        done: list[PushResult] = []
        late: list[PushResult] = []
        waiting = viewers
        try:
            for _ in range(_READINGS):
                try:
                    tasks = await self._begin(waiting, messages, reserved, self._post_all)
                except Exception as error:
                    if not late:
                        raise
                    # The other viewers were pushed to; these are reported as too late.
                    self._log.exception("late_viewers_not_read", error, viewers=len(late))
                    break
                pushed = await asyncio.gather(*tasks)
                late = [one for one in pushed if one.outcome is Outcome.RIGHT_TOO_OLD]
                done += [one for one in pushed if one.outcome is not Outcome.RIGHT_TOO_OLD]
                waiting = [one.subscription for one in late]
                if not waiting:
                    break
            return done + late
        finally:
            reserved.release_all()

    async def begin(
        self, viewers: Sequence[Subscription], messages: Messages, reserved: Reservation
    ) -> list[asyncio.Task[PushResult]]:
        """Pushes to a chunk and returns when everything is read and the posts are in progress.

        While such a push to an endpoint is in progress, no other begins: nudges may come every
        second, and a viewer that hangs must not occupy a slot for each.

        Args:
            viewers: At most `MAX_CHUNK`.
            messages: What is pushed.
            reserved: A slot for each viewer; each is released when its push has ended.

        Returns:
            One task per viewer; it does not raise. Viewers whose right got too old are not pushed
            to again.
        """
        try:
            tasks = await self._begin(viewers, messages, reserved, self._post_under_lock)
        except BaseException:
            reserved.release_all()
            raise
        # The event loop holds tasks weakly, and not every caller stays to await them.
        everyone = asyncio.gather(*tasks, return_exceptions=True)
        self._posting.add(everyone)
        everyone.add_done_callback(lambda _: reserved.release_all())
        everyone.add_done_callback(self._posting.discard)
        return tasks

    async def _begin(
        self,
        viewers: Sequence[Subscription],
        messages: Messages,
        reserved: Reservation,
        post: _Post,
    ) -> list[asyncio.Task[PushResult]]:
        reading = await self._read(viewers, messages)
        # All messages are composed before the first post: between posts it takes much longer, since
        # the processor's caches then hold other code and data.
        pushes = [self._compose(viewer, reading) for viewer in viewers]
        return [
            asyncio.create_task(self._push_one(one, reading.good_until, reserved, post))
            for one in pushes
        ]

    async def _read(self, viewers: Sequence[Subscription], messages: Messages) -> _Reading:
        # In the order of the viewers, without duplicates: the order of a set would vary.
        delivery_ids = tuple(dict.fromkeys(viewer.delivery_id for viewer in viewers))
        share_keys = tuple(dict.fromkeys(_share_key(one) for one in viewers if _has_share(one)))
        for _ in range(_READINGS):
            read_at_s = self._monotonic()
            good_until = Deadline(_WRITTEN_WITHIN_S, self._monotonic)
            stored = await self._threads.run(self._read_stores, delivery_ids, share_keys)
            compose = await messages.prepare(stored.found.by_id)
            if self._monotonic() - read_at_s <= _READ_AGAIN_AFTER_S:
                break
        return _Reading(good_until, stored, compose)

    def _read_stores(self, delivery_ids: Sequence[str], share_keys: Sequence[ShareKey]) -> _Stored:
        blocks, found = self._blocks.current(), self._deliveries.get_many(delivery_ids)
        return _Stored(blocks, found, self._read_shares(share_keys))

    def _read_shares(self, keys: Sequence[ShareKey]) -> Mapping[ShareKey, Share] | None:
        if not keys:
            return {}
        try:
            return self._shares.get_many(keys)
        except Exception as error:  # whatever it was, it must not affect viewers with tokens
            self._log.exception("shares_unavailable", error, shares=len(keys))
            return None

    def _compose(self, viewer: Subscription, reading: _Reading) -> _Push:
        """Decides a viewer's right and composes its messages."""
        stored = reading.stored
        is_unknown = stored.shares is None and _has_share(viewer)
        if is_unknown or viewer.delivery_id in stored.found.unreadable:
            # The right is unknown, and so not ended: nothing is sent until it can be read again.
            return _Push(viewer)
        delivery = stored.found.by_id.get(viewer.delivery_id)
        ended = revoked = False
        payloads: Sequence[Payload] | None = None
        try:
            revoked = is_revoked(viewer, stored.blocks, self._now_ms())
            right = _REVOKED if revoked else self._right(viewer, delivery, stored)
            ended = isinstance(right, Ended)
            payloads = self._messages_for(viewer, delivery, right, reading.compose)
        except Exception as error:  # a bug that one delivery triggers affects its viewers only
            self._log.exception("push_failed", error, delivery_id=viewer.delivery_id)
        return _Push(viewer, payloads, ended, revoked)

    async def _push_one(
        self, push: _Push, good_until: Deadline, reserved: Reservation, post: _Post
    ) -> PushResult:
        viewer, payloads, ended, revoked = push
        outcome = Outcome.FAILED
        if payloads is not None:
            try:
                outcome = await post(viewer.endpoint, payloads, good_until)
            except Exception as error:  # a bug that one endpoint triggers
                self._log.exception("push_failed", error, delivery_id=viewer.delivery_id)
            if self._trace.is_on:
                now_ms = self._now_ms()
                log_points(self._trace, payloads, viewer, outcome=outcome.value, now_ms=now_ms)
        is_over = outcome is Outcome.GONE or (ended and outcome is Outcome.DELIVERED)
        if outcome is not Outcome.RIGHT_TOO_OLD:
            if outcome is not Outcome.GONE and revoked:
                is_over |= await end_endpoint(self._senders, viewer, self._log)
            reserved.release_one()
        if is_over:
            await self._remove(viewer)
        return PushResult(viewer, outcome, ended)

    def _right(self, viewer: Subscription, delivery: Delivery | None, stored: _Stored) -> Right:
        shares = stored.shares
        return right_to_view(
            delivery,
            role=viewer.role,
            identity=viewer.identity,
            token_expires_at_ms=viewer.token_expires_at_ms,
            now_ms=self._now_ms(),
            viewing_minutes=self._viewing_minutes,
            share=shares.get(_share_key(viewer)) if shares and _has_share(viewer) else None,
        )

    def _messages_for(
        self, viewer: Subscription, delivery: Delivery | None, right: Right, compose: Compose
    ) -> list[Payload]:
        payloads: list[Payload] = []
        if delivery is not None and _may_receive(right):
            payloads += compose(delivery, right)
        if isinstance(right, Ended):
            message = encode_ended(viewer.delivery_id, right.reason, sent_at_ms=self._now_ms())
            payloads.append(Payload.of(message))
        return payloads

    async def _post_under_lock(
        self, endpoint: str, payloads: Sequence[Payload], good_until: Deadline
    ) -> Outcome:
        if self._backoff.remaining_s(endpoint) > 0:  # no need to wait for the lock
            return Outcome.BACKED_OFF
        async with self._locks.hold(endpoint) as is_held:
            if not is_held:
                return Outcome.BACKED_OFF
            return await self._post_all(endpoint, payloads, good_until)

    async def _post_all(
        self, endpoint: str, payloads: Sequence[Payload], good_until: Deadline
    ) -> Outcome:
        outcome = Outcome.DELIVERED
        for payload in payloads:
            if good_until.passed:  # no need to connect
                return Outcome.RIGHT_TOO_OLD
            if self._backoff.remaining_s(endpoint) > 0:
                return Outcome.BACKED_OFF
            outcome = _OUTCOMES[await self._senders.post(endpoint, payload, good_until)]
            if outcome is not Outcome.DELIVERED:
                break
        return outcome

    async def _remove(self, viewer: Subscription) -> None:
        try:
            await self._threads.run(self._subscriptions.end, viewer)
        except Exception as error:  # whatever it was, the next round tries again
            self._log.exception(
                "subscription_not_removed",
                error,
                delivery_id=viewer.delivery_id,
                endpoint=viewer.endpoint,
            )


def is_revoked(viewer: Subscription, blocks: Blocks, now_ms: int) -> bool:
    """Whether the token that the viewer connected with is blocked."""
    token = Token(viewer.token_id, viewer.token_issued_at_ms)
    return blocks.revoking(viewer.role, viewer.identity, token, now_ms) is not None


async def end_endpoint(senders: Senders, viewer: Subscription, log: Logger) -> bool:
    """Ends the endpoint of a revoked token, whether it has received `ended` or not.

    Returns:
        Whether it is ended. If not, its subscription stays, so that the next push tries again.
    """
    post_outcome = await senders.end(viewer.endpoint)
    log.info("revoked_endpoint", endpoint=viewer.endpoint, outcome=post_outcome.value)
    return post_outcome in (PostOutcome.DELIVERED, PostOutcome.GONE)


def _has_share(viewer: Subscription) -> bool:
    return viewer.role == SHARE


def _share_key(viewer: Subscription) -> ShareKey:
    return ShareKey(viewer.delivery_id, viewer.identity)


def _may_receive(right: Right) -> bool:
    return isinstance(right, MayView) or right.last_status_may_be_shown
