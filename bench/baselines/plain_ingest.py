"""Ingest in its simplest form: `json`, one check per field, one stream record per point."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

NUMBERS = {
    "accuracy_m", "speed_mps", "heading_deg", "altitude_m", "satellites", "hdop", "battery_pct",
    "odometer_m",
}  # fmt: skip
RECORDS_PER_CALL = 500


class Client(Protocol):
    """The Kinesis client."""

    def put_records(self, **request: Any) -> Mapping[str, Any]:
        """``PutRecords``."""


def handle(event: Mapping[str, Any], client: Client, stream: str) -> Mapping[str, Any]:
    """Handles one request: checks, stamps and puts its points, and reports the rejected ones."""
    truck_id = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    body = json.loads(event["body"])
    received_at = datetime.now(UTC)
    records: list[Mapping[str, object]] = []
    rejected = []
    for index, point in enumerate(body.get("positions", [body])):
        reason = _fault(point, truck_id)
        if reason:
            rejected.append({"index": index, "reason": reason})
            continue
        recorded_at = datetime.fromisoformat(point["recorded_at"])
        stamped = {
            **point,
            "event_at": recorded_at.isoformat(timespec="milliseconds"),
            "received_at": received_at.isoformat(timespec="milliseconds"),
        }
        records.append({"Data": json.dumps(stamped).encode(), "PartitionKey": truck_id})
    for start in range(0, len(records), RECORDS_PER_CALL):
        client.put_records(StreamName=stream, Records=records[start : start + RECORDS_PER_CALL])
    print(json.dumps({"at": time.time(), "truck_id": truck_id, "accepted": len(records)}))
    return {
        "statusCode": 202,
        "body": json.dumps({"accepted": len(records), "rejected": rejected}),
    }


def _fault(point: Mapping[str, Any], truck_id: str) -> str | None:
    if point.get("truck_id") != truck_id:
        return "foreign"
    for name, limit in (("lat", 90), ("lon", 180)):
        if not isinstance(point.get(name), int | float) or abs(point[name]) > limit:
            return name
    if any(not isinstance(point[name], int | float) for name in NUMBERS & point.keys()):
        return "number"
    try:
        recorded_at = datetime.fromisoformat(point["recorded_at"])
    except (KeyError, TypeError, ValueError):
        return "recorded_at"
    return None if recorded_at.tzinfo else "recorded_at"


def handle_all(client: Client, events: Sequence[Mapping[str, Any]]) -> None:
    """Handles all requests."""
    for event in events:
        handle(event, client, "stream")
