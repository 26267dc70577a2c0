"""Log fields and metrics of one body of telemetry, the same for every ingest endpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rtdts.ingest.intake import IngestResult


def metrics_of(result: IngestResult) -> Mapping[str, int]:
    """Returns the values of the ingest endpoint's metrics; only rejections when nothing was put."""
    if not result.points:
        return {"PointsRejected": len(result.rejected)}
    return {
        "PointsAccepted": result.accepted,
        "PointsRejected": len(result.rejected),
        "PointsAdjusted": len(result.adjusted),
        "PointsFailed": len(result.failed),
        "StreamAttempts": result.outcome.attempts,
    }


def log_fields(result: IngestResult) -> Mapping[str, Any]:
    """Returns the fields of a body's log line."""
    fields: dict[str, Any] = {
        "truck_id": result.truck_id,
        "accepted": result.accepted,
        "rejected": len(result.rejected),
    }
    if result.points:
        recorded_at_ms = [point.recorded_at_ms for point in result.points]
        fields |= {
            "adjusted": len(result.adjusted),
            "failed": len(result.failed),
            "attempts": result.outcome.attempts,
            # They are part of every point's id, so a point's request can be found by them.
            "recorded_from_ms": min(recorded_at_ms),
            "recorded_to_ms": max(recorded_at_ms),
        }
    if result.rejected:
        reasons = Counter(f"{each.field}:{each.reason}" for each in result.rejected)
        fields["reasons"] = dict(reasons)
    if result.outcome.failure:
        fields["failure"] = result.outcome.failure
    return fields
