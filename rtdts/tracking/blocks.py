"""Identities and tokens that are rejected for a while although the tokens are valid.

There are two kinds, which do not replace each other: the consumer blocks a truck over its quota for
some minutes, and an operator revokes tokens, for example after a theft.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec


class BlockKind(enum.StrEnum):
    """Why something is blocked; the code that is stored."""

    OVER_QUOTA = "over_quota"
    """A truck exceeded its quota: its telemetry waits, everything else continues."""
    REVOKED = "revoked"
    """An operator revoked it: the token is no longer accepted."""


class Token(NamedTuple):
    """Identifies one of a holder's tokens."""

    token_id: str
    """Claim ``jti``; empty if the issuer writes none."""
    issued_at_ms: int
    """Claim ``iat``; 0 if the issuer writes none."""


NO_TOKEN: Final = Token("", 0)
"""A token whose issuer writes neither claim."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One subject that is blocked."""

    subject: str
    """A result of `identity_subject` or `token_subject`."""
    kind: BlockKind
    until_ms: int
    reason: str
    blocked_at_ms: int
    issued_before_ms: int | None = None
    """Only tokens issued before this moment are blocked; None for all. A token without a time of
    issue is blocked."""


def identity_subject(role: str, identity: str) -> str:
    """Returns the subject of a block of an identity."""
    return f"{role}:{identity}"


def token_subject(token_id: str) -> str:
    """Returns the subject of a block of one token, by its claim ``jti``."""
    return f"token:{token_id}"


def token_of(claims: Mapping[str, Any]) -> Token:
    """Reads the claims that identify the token; the gateway turns numbers into text."""
    try:
        issued_at_ms = int(float(claims.get("iat", 0)) * 1000)
    except (TypeError, ValueError, OverflowError):
        issued_at_ms = 0
    token_id = claims.get("jti")
    return Token(token_id if isinstance(token_id, str) else "", issued_at_ms)


class Blocks:
    """All blocks at one moment.

    Args:
        blocks: The table's content, in any order; expired blocks may be among it.
    """

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._by_subject: dict[str, list[Block]] = {}
        for block in blocks:
            self._by_subject.setdefault(block.subject, []).append(block)

    def __len__(self) -> int:
        return sum(map(len, self._by_subject.values()))

    def revoking(self, role: str, identity: str, token: Token, now_ms: int) -> Block | None:
        """Returns the block that revokes this token, if there is one."""
        # One check for nearly every request: on most days nothing is blocked.
        if not self._by_subject:
            return None
        subjects = [identity_subject(role, identity)]
        if token.token_id:
            subjects.append(token_subject(token.token_id))
        for subject in subjects:
            for block in self._by_subject.get(subject, ()):
                if block.kind is BlockKind.REVOKED and _blocks(block, token, now_ms):
                    return block
        return None

    def is_revoked(self, role: str, identity: str, now_ms: int) -> bool:
        """Returns whether all tokens of an identity are revoked, whenever they were issued.

        For ingest endpoints that do not see the token.
        """
        blocks = self._by_subject.get(identity_subject(role, identity), ())
        return any(
            block.kind is BlockKind.REVOKED
            and block.issued_before_ms is None
            and now_ms < block.until_ms
            for block in blocks
        )

    def was_over_quota(self, role: str, identity: str, at_ms: int) -> bool:
        """Returns whether an identity was over its quota at an earlier moment."""
        block = self.over_quota(role, identity, at_ms)
        return block is not None and block.blocked_at_ms <= at_ms

    def over_quota(self, role: str, identity: str, now_ms: int) -> Block | None:
        """Returns the block of an identity over its quota, if there is one."""
        for block in self._by_subject.get(identity_subject(role, identity), ()):
            if block.kind is BlockKind.OVER_QUOTA and now_ms < block.until_ms:
                return block
        return None


def _blocks(block: Block, token: Token, now_ms: int) -> bool:
    if now_ms >= block.until_ms:
        return False
    return block.issued_before_ms is None or token.issued_at_ms < block.issued_before_ms
