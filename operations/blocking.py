"""Revokes tokens and identities, lifts blocks, and lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from rtdts.tracking.blocks import Block, BlockKind
from rtdts.tracking.instants import format_instant

EFFECTIVE_WITHIN_S: Final = 15
"""Every process reads the blocks again every 10 s, and a read may be slow."""


class BlockPort(Protocol):
    """See `rtdts.delivery_store.blocked_identities.BlockStore`."""

    def block(self, block: Block) -> None:
        """Writes a block."""

    def unblock(self, subject: str, kind: BlockKind) -> bool:
        """Deletes a block; returns whether there was one."""

    def in_force(self, now_ms: int) -> Sequence[Block]:
        """Returns every block in force."""


def revoke(
    store: BlockPort,
    subject: str,
    *,
    until_ms: int,
    issued_before_ms: int | None,
    reason: str,
    now_ms: int,
) -> str:
    """Blocks a subject; returns the summary."""
    block = Block(
        subject=subject,
        kind=BlockKind.REVOKED,
        until_ms=until_ms,
        reason=reason,
        blocked_at_ms=now_ms,
        issued_before_ms=issued_before_ms,
    )
    store.block(block)
    return f"blocked {block_line(block)}; respected everywhere within {EFFECTIVE_WITHIN_S} s"


def lift(store: BlockPort, subject: str) -> str:
    """Lifts all blocks of a subject, including the quota's; returns the summary."""
    lifted = [kind.value for kind in BlockKind if store.unblock(subject, kind)]
    if not lifted:
        return f"{subject} was not blocked"
    kinds = " and ".join(lifted)
    return f"unblocked {subject} ({kinds}); respected everywhere within {EFFECTIVE_WITHIN_S} s"


def block_lines(store: BlockPort, now_ms: int) -> str:
    """Returns every block in force, one line each, ordered by their end."""
    blocks = sorted(store.in_force(now_ms), key=lambda block: (block.until_ms, block.subject))
    return "\n".join(map(block_line, blocks)) or "nothing is blocked"


def block_line(block: Block) -> str:
    """Returns a block in one line."""
    which = ""
    if block.issued_before_ms is not None:
        which = f", tokens issued before {format_instant(block.issued_before_ms)}"
    return (
        f"{block.subject}{which}, until {format_instant(block.until_ms)}: {block.kind.value}, "
        f"{block.reason}"
    )
