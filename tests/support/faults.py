"""Faults of AWS, as the fault shim returns them."""

from __future__ import annotations

from sim.fault_shim.rules import Reject


def cancelled(*codes: str) -> Reject:
    """Returns the fault of a cancelled DynamoDB transaction, with a reason for each action."""
    return Reject(
        status=400,
        code="TransactionCanceledException",
        more={"CancellationReasons": [{"Code": code} for code in codes]},
    )
