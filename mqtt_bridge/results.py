"""Encodes the document that a truck receives about one of its messages."""

from __future__ import annotations

from typing import Any

import msgspec

from rtdts.ingest.intake import IngestResult
from rtdts.ingest.messages import Fault

_ENCODER = msgspec.json.Encoder()


def result_document(result: IngestResult) -> bytes:
    """The result for each point, as in the HTTP response."""
    return _ENCODER.encode(
        {
            "accepted": result.accepted,
            "rejected": result.rejected,
            "adjusted": result.adjusted,
        }
    )


def fault_document(fault: Fault) -> bytes:
    """The reason why no point of the message was accepted; it must not be sent again."""
    document: dict[str, Any] = {"accepted": 0, "rejected": [], "adjusted": []}
    return _ENCODER.encode(document | {"reason": fault.reason, "detail": fault.detail})


def is_result_due(correlation: bytes | None, result: IngestResult) -> bool:
    """Whether to send a result: the truck requested one, or points were rejected or adjusted."""
    return correlation is not None or bool(result.rejected or result.adjusted)
