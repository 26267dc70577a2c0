"""The settings that the consumer requires."""

from __future__ import annotations

REQUIRED = {
    "AWS_REGION": "ap-northeast-2",
    "STREAM_NAME": "telemetry",
    "DELIVERIES_TABLE": "deliveries",
    "DELIVERY_EVENTS_TABLE": "events",
    "TRUCK_MATCHES_TABLE": "matches",
    "BLOCKED_IDENTITIES_TABLE": "blocked",
    "NUDGE_QUEUE_URL": "https://queue",
    "PARKED_BUCKET": "parked",
    "OPENSEARCH_URL": "https://search",
}
