"""Counts the values of a bridge's metrics since they were last emitted."""

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
    Metric("PointsSetAside", "Count"),
    Metric("StreamAttempts", "Count"),
    Metric("MessagesUnusable", "Count"),
    Metric("MessagesInFlight", "Count"),
    Metric("OldestInFlight", "Seconds"),
    Metric("ConnectionsLost", "Count"),
)


class Tally:
    """Counts until the values are collected."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, name: str, value: int = 1) -> None:
        """Add to a counter metric."""
        self._counts[name] += value

    def count_result(self, result: IngestResult) -> None:
        """Add the result of a message's points."""
        self._counts["PointsAccepted"] += result.accepted
        if result.rejected:
            self._counts["PointsRejected"] += len(result.rejected)
        if result.adjusted:
            self._counts["PointsAdjusted"] += len(result.adjusted)

    def collect(self, *, in_flight: int, oldest_in_flight_s: float) -> Mapping[str, float]:
        """Returns all values and resets the counts to 0.

        Args:
            in_flight: Messages received and not acknowledged.
            oldest_in_flight_s: How long the oldest of them has been in flight.
        """
        values = {metric.name: float(self._counts[metric.name]) for metric in METRICS}
        self._counts.clear()
        return values | {
            "MessagesInFlight": in_flight,
            "OldestInFlight": round(oldest_in_flight_s, 3),
        }
