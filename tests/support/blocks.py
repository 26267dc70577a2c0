"""Blocks of identities, for tests to which the reason does not matter."""

from __future__ import annotations

from rtdts.tracking.blocks import Block, BlockKind

HOUR_MS = 3_600_000


def revocation(
    subject: str, now_ms: int, *, for_ms: int = HOUR_MS, issued_before_ms: int | None = None
) -> Block:
    """Returns the block of an identity, a token or a share that an operator revokes now."""
    return Block(
        subject=subject,
        kind=BlockKind.REVOKED,
        until_ms=now_ms + for_ms,
        reason="stolen",
        blocked_at_ms=now_ms,
        issued_before_ms=issued_before_ms,
    )
