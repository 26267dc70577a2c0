"""The document that a truck gets about one of its messages."""

from __future__ import annotations

from typing import Any

import msgspec

from rtdts.ingest.intake import IngestResult
from rtdts.ingest.messages import Fault

_ENCODER = msgspec.json.Encoder()


def result_document(result: IngestResult) -> bytes:
    """What became of each point: as HTTP answers it."""
    return _ENCODER.encode(
        {
            "accepted": result.accepted,
            "rejected": result.rejected,
            "adjusted": result.adjusted,
        }
    )


def fault_document(fault: Fault) -> bytes:
    """Why nothing of the message was taken; it must not be sent again."""
    document: dict[str, Any] = {"accepted": 0, "rejected": [], "adjusted": []}
    return _ENCODER.encode(document | {"reason": fault.reason, "detail": fault.detail})


def is_result_due(correlation: bytes | None, result: IngestResult) -> bool:
    """Whether a truck gets a result: it asked for one, or must know something."""
    return correlation is not None or bool(result.rejected or result.adjusted)
