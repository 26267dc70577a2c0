"""The report of a round: returned by it, then logged and emitted as metrics, one line each."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final

from broadcaster.pushing import Outcome, PushResult
from rtdts.runtime.metrics import Metric

METRICS: Final = (
    Metric("RoundDuration", "Milliseconds"),
    Metric("RoundViewersDue", "Count"),
    Metric("RoundViewersDelivered", "Count"),
    Metric("RoundViewersGone", "Count"),
    Metric("RoundViewersThrottled", "Count"),
    Metric("RoundViewersHanging", "Count"),
    Metric("RoundViewersFailed", "Count"),
    Metric("RoundViewersUnread", "Count"),
    Metric("RoundsSkipped", "Count"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoundReport:
    """The totals of one round, or of the part of it that one of several broadcasters ran.

    Every viewer due is in exactly one of the counts from `delivered` to `unread`.

    Attributes:
        due_at_ms: When the round was due: the same in every report of one round.
        started_at_ms: When it began; for a divided round, when the first of its buckets was sent.
        duration_ms: How long it took from then on. For a divided round, the largest value of all
            its reports is the duration of the whole round.
        skipped: Earlier rounds that were missed because the one before them lasted too long,
            including rounds of which only some buckets were missed.
        buckets: How many of its buckets ran.
        due: Viewers (an endpoint that tracks two deliveries counts twice).
        deliveries: Distinct deliveries among them.
        ended: Viewers whose messages included `ended`.
        delivered: Viewers that received their message.
        gone: Viewers whose endpoint no longer exists.
        throttled: Viewers that could not keep up, however often they were tried.
        over_quota: Viewers whose posts the account throttled, however often they were tried.
        backed_off: Viewers that were not tried because they could not keep up a moment ago.
        hung: Viewers without a response in time.
        quarantined: Viewers that were not tried because they hang repeatedly.
        failed: Viewers for which it is not known whether they received the message.
        right_too_old: Viewers not posted to because their right could not be read in time.
        unread: Viewers not posted to because their deliveries could not be read.
        buckets_unread: Buckets whose viewers could not be read.
        trucks_unknown: Trucks whose position could not be read; the status was sent without it.
    """

    due_at_ms: int
    started_at_ms: int
    duration_ms: int
    skipped: int = 0
    buckets: int = 0
    due: int = 0
    deliveries: int = 0
    ended: int = 0
    delivered: int = 0
    gone: int = 0
    throttled: int = 0
    over_quota: int = 0
    backed_off: int = 0
    hung: int = 0
    quarantined: int = 0
    failed: int = 0
    right_too_old: int = 0
    unread: int = 0
    buckets_unread: int = 0
    trucks_unknown: int = 0

    @property
    def not_reached(self) -> int:
        """Viewers that, as far as is known, still have an endpoint but were not reached."""
        return self.due - self.delivered - self.gone

    @property
    def read_nothing(self) -> bool:
        """Whether the round could not do anything because its stores were unavailable."""
        if self.due == 0:
            return self.buckets_unread > 0
        return self.unread + self.right_too_old == self.due

    def metrics(self) -> dict[str, float]:
        """The values of `METRICS`: each viewer due is in one of the six counts."""
        return {
            "RoundDuration": self.duration_ms,
            "RoundViewersDue": self.due,
            "RoundViewersDelivered": self.delivered,
            "RoundViewersGone": self.gone,
            "RoundViewersThrottled": self.throttled + self.backed_off + self.over_quota,
            "RoundViewersHanging": self.hung + self.quarantined,
            "RoundViewersFailed": self.failed,
            "RoundViewersUnread": self.right_too_old + self.unread,
            "RoundsSkipped": self.skipped,
        }


_NOT_SUMMED: Final = frozenset({"due_at_ms", "started_at_ms", "duration_ms", "skipped"})


def sum_of(
    parts: Sequence[RoundReport],
    *,
    due_at_ms: int,
    started_at_ms: int,
    duration_ms: int,
    skipped: int,
) -> RoundReport:
    """Combines the reports of several parts of a round; no bucket may be in two of them."""
    names = RoundReport.__dataclass_fields__.keys() - _NOT_SUMMED
    counts = {name: sum(getattr(part, name) for part in parts) for name in names}
    return RoundReport(
        due_at_ms=due_at_ms,
        started_at_ms=started_at_ms,
        duration_ms=duration_ms,
        skipped=skipped,
        **counts,
    )


class RoundTally:
    """Counts while a round runs."""

    def __init__(self) -> None:
        self.buckets = 0
        self.unread = 0
        self.buckets_unread = 0
        self.trucks_unknown = 0
        self._outcomes: collections.Counter[Outcome] = collections.Counter()
        self._ended = 0
        self._deliveries: set[str] = set()

    def add(self, pushed: Iterable[PushResult]) -> None:
        """Counts the outcomes of some viewers."""
        for one in pushed:
            self._outcomes[one.outcome] += 1
            self._ended += one.ended
            self._deliveries.add(one.subscription.delivery_id)

    def report(
        self,
        *,
        due_at_ms: int,
        started_at_ms: int,
        duration_ms: int,
        skipped: int,
    ) -> RoundReport:
        """The totals so far."""
        outcomes = self._outcomes
        return RoundReport(
            due_at_ms=due_at_ms,
            started_at_ms=started_at_ms,
            duration_ms=duration_ms,
            skipped=skipped,
            buckets=self.buckets,
            due=outcomes.total() + self.unread,
            deliveries=len(self._deliveries),
            ended=self._ended,
            delivered=outcomes[Outcome.DELIVERED],
            gone=outcomes[Outcome.GONE],
            throttled=outcomes[Outcome.THROTTLED],
            over_quota=outcomes[Outcome.OVER_QUOTA],
            backed_off=outcomes[Outcome.BACKED_OFF],
            hung=outcomes[Outcome.HUNG],
            quarantined=outcomes[Outcome.QUARANTINED],
            failed=outcomes[Outcome.FAILED],
            right_too_old=outcomes[Outcome.RIGHT_TOO_OLD],
            unread=self.unread,
            buckets_unread=self.buckets_unread,
            trucks_unknown=self.trucks_unknown,
        )
