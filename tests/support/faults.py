"""Faults of AWS, as the fault shim returns them."""

from __future__ import annotations

from sim.fault_shim.rules import Reject


def cancelled(*codes: str) -> Reject:
    """A DynamoDB transaction that is cancelled, with the reason of each of its actions."""
    return Reject(
        status=400,
        code="TransactionCanceledException",
        more={"CancellationReasons": [{"Code": code} for code in codes]},
    )
