"""What a response to ``POST /telemetry`` means for the points that were sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.fleet.device import Fix


@dataclass(frozen=True)
class UploadResponse:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class RejectedPoint:
    """A point that the service will never accept, and why."""

    fix: Fix
    reason: str


@dataclass(frozen=True)
class BatchResult:
    """What to do with each point of a batch.

    Attributes:
        accepted: Durable points; not sent again.
        rejected: Points that are not accepted; not sent again either.
        keep: Points to be sent again, in this order.
        wait_s: Wait before anything is sent again; None when the response names no time.
        new_token: The token was rejected: get another one first.
        smaller: The batch was too big: send fewer points at once.
        failed: No point was accepted, for a transient reason.
    """

    accepted: tuple[Fix, ...] = ()
    rejected: tuple[RejectedPoint, ...] = ()
    keep: tuple[Fix, ...] = ()
    wait_s: float | None = None
    new_token: bool = False
    smaller: bool = False
    failed: bool = False


def interpret(response: UploadResponse, batch: Sequence[Fix]) -> BatchResult:
    """Interpret a response of the service, or of the gateway in front of it."""
    everything = tuple(batch)
    body = _object(response.body)
    match response.status:
        case 202:
            rejected = _rejected(body, batch)
            lost = {entry.fix for entry in rejected}
            return BatchResult(tuple(fix for fix in batch if fix not in lost), rejected)
        case 503 if isinstance(body.get("not_taken"), list):
            return _partly(response, body, batch)
        case 401:
            return BatchResult(keep=everything, new_token=True, failed=True)
        case 413 if len(batch) > 1:
            return BatchResult(keep=everything, smaller=True)
        case 400 if rejected := _rejected(body, batch):
            lost = {entry.fix for entry in rejected}
            return BatchResult(
                rejected=rejected, keep=tuple(fix for fix in batch if fix not in lost)
            )
        case 400 | 403 | 404 | 405 | 413 | 415 | 422:
            why = f"HTTP {response.status}: {_reason(body)}"
            return BatchResult(rejected=tuple(RejectedPoint(fix, why) for fix in batch))
        case _:  # 429, every 5xx of the gateway, and any status of a proxy
            return BatchResult(keep=everything, wait_s=_retry_after_s(response), failed=True)


def _partly(
    response: UploadResponse, body: Mapping[str, object], batch: Sequence[Fix]
) -> BatchResult:
    again = _indexes(body.get("not_taken"), len(batch))
    rejected = _rejected(body, batch)
    lost = {entry.fix for entry in rejected}
    keep = tuple(fix for index, fix in enumerate(batch) if index in again and fix not in lost)
    settled = lost | set(keep)
    return BatchResult(
        accepted=tuple(fix for fix in batch if fix not in settled),
        rejected=rejected,
        keep=keep,
        wait_s=_retry_after_s(response),
        failed=True,
    )


def _rejected(body: Mapping[str, object], batch: Sequence[Fix]) -> tuple[RejectedPoint, ...]:
    entries = body.get("rejected")
    if not isinstance(entries, list):
        return ()
    return tuple(
        RejectedPoint(batch[entry["index"]], f"{entry.get('field')}: {entry.get('reason')}")
        for entry in entries
        if isinstance(entry, dict) and entry.get("index") in range(len(batch))
    )


def _indexes(value: object, count: int) -> frozenset[int]:
    if not isinstance(value, list):
        return frozenset()
    return frozenset(index for index in value if index in range(count))


def _object(body: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _reason(body: Mapping[str, object]) -> str:
    return str(body.get("detail") or body.get("title") or body.get("message") or "no reason given")


def _retry_after_s(response: UploadResponse) -> float | None:
    """The header in seconds; its other form, a date, is not used by the service or its gateway."""
    value = next((v for k, v in response.headers.items() if k.lower() == "retry-after"), "")
    return float(value) if value.isdecimal() else None
