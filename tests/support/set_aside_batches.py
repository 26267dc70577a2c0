"""Batches of device messages as Lambda sets them aside."""

from __future__ import annotations

import base64
import json
from typing import Any

from rtdts.ingest.device_messages import DeviceMessage, encode_message

SET_ASIDE_KEY = "aws/lambda/4f1d7a1e/shardId-000000000000/2026/11/24/2026-11-24T07.00.00-c1"


def device_message(truck_id: str, payload: bytes = b"{}") -> bytes:
    """Returns a record of the device stream."""
    return encode_message(DeviceMessage(truck_id=truck_id, received_at_ms=1, payload=payload))


def invocation(*records: bytes, as_text: bool = True) -> bytes:
    """Returns what Lambda writes: AWS Lambda Developer Guide, 'Retain discarded batch records'."""
    event: Any = {
        "Records": [
            {
                "kinesis": {"partitionKey": "k", "data": base64.b64encode(one).decode()},
                "eventSource": "aws:kinesis",
            }
            for one in records
        ]
    }
    payload = json.dumps(event) if as_text else event
    return json.dumps({"version": "1.0", "KinesisBatchInfo": {}, "payload": payload}).encode()
