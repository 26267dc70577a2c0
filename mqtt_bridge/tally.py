"""What a bridge did since it was last told: the values of its metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from rtdts.ingest.intake import IngestResult
from rtdts.runtime.metrics import Metric

METRICS: Final = (
    Metric("PointsAccepted", "Count"),
    Metric("PointsRejected", "Count"),
    Metric("PointsAdjusted", "Count"),
    Metric("PointsFailed", "Count"),
    Metric("StreamAttempts", "Count"),
    Metric("MessagesUnusable", "Count"),
    Metric("MessagesHeld", "Count"),
    Metric("OldestHeld", "Seconds"),
    Metric("ConnectionsLost", "Count"),
)


class Tally:
    """Counts, until they are taken."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, name: str, value: int = 1) -> None:
        """Add to one of the metrics that are counted."""
        self._counts[name] += value

    def count_result(self, result: IngestResult) -> None:
        """Add what became of a message's points."""
        self._counts["PointsAccepted"] += result.accepted
        if result.rejected:
            self._counts["PointsRejected"] += len(result.rejected)
        if result.adjusted:
            self._counts["PointsAdjusted"] += len(result.adjusted)

    def take(self, *, held: int, oldest_held_s: float) -> Mapping[str, float]:
        """All values, counting from 0 again.

        Args:
            held: Messages received and not acknowledged.
            oldest_held_s: How long the oldest of them has been held.
        """
        values = {metric.name: float(self._counts[metric.name]) for metric in METRICS}
        self._counts.clear()
        return values | {"MessagesHeld": held, "OldestHeld": round(oldest_held_s, 3)}
