"""Identities and tokens that are refused for a while although their tokens are valid.

Two kinds, which do not displace each other: a truck over its quota, blocked by the consumer for
some minutes, and what an operator revokes because a token was stolen.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec


class BlockKind(enum.StrEnum):
    """Why something is blocked; the code that is stored."""

    OVER_QUOTA = "over_quota"
    """A truck sent more than its quota: its telemetry waits, all else of it goes on."""
    REVOKED = "revoked"
    """An operator's: the token proves nothing any more."""


class Token(NamedTuple):
    """Which of its holder's tokens one is."""

    token_id: str
    """Claim ``jti``; empty where the issuer writes none."""
    issued_at_ms: int
    """Claim ``iat``; 0 where the issuer writes none."""


NO_TOKEN: Final = Token("", 0)
"""Of an issuer that writes neither claim."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One subject that is blocked."""

    subject: str
    """Of `identity_subject` or `token_subject`."""
    kind: BlockKind
    until_ms: int
    reason: str
    blocked_at_ms: int
    issued_before_ms: int | None = None
    """Only tokens issued before this moment are blocked; None for all. A token that does not say
    when it was issued is blocked."""


def identity_subject(role: str, identity: str) -> str:
    """How an identity is named in a block."""
    return f"{role}:{identity}"


def token_subject(token_id: str) -> str:
    """How one token is named in a block, by its claim ``jti``."""
    return f"token:{token_id}"


def token_of(claims: Mapping[str, Any]) -> Token:
    """Reads the claims that say which token this is; the gateway makes text of numbers."""
    try:
        issued_at_ms = int(float(claims.get("iat", 0)) * 1000)
    except (TypeError, ValueError, OverflowError):
        issued_at_ms = 0
    token_id = claims.get("jti")
    return Token(token_id if isinstance(token_id, str) else "", issued_at_ms)


class Blocks:
    """All blocks at one moment.

    Args:
        blocks: What the table holds, in any order; what is over may be among it.
    """

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self._by_subject: dict[str, list[Block]] = {}
        for block in blocks:
            self._by_subject.setdefault(block.subject, []).append(block)

    def __len__(self) -> int:
        return sum(map(len, self._by_subject.values()))

    def revoking(self, role: str, identity: str, token: Token, now_ms: int) -> Block | None:
        """The block by which this token proves nothing, if there is one."""
        # One look for nearly every request: nothing is blocked on most days.
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
        """Whether all tokens of an identity prove nothing, whenever they were issued.

        For doors that do not see the token.
        """
        blocks = self._by_subject.get(identity_subject(role, identity), ())
        return any(
            block.kind is BlockKind.REVOKED
            and block.issued_before_ms is None
            and now_ms < block.until_ms
            for block in blocks
        )

    def was_over_quota(self, role: str, identity: str, at_ms: int) -> bool:
        """Whether an identity was over its quota when it sent something, some time ago."""
        block = self.over_quota(role, identity, at_ms)
        return block is not None and block.blocked_at_ms <= at_ms

    def over_quota(self, role: str, identity: str, now_ms: int) -> Block | None:
        """The block of an identity over its quota, if there is one."""
        for block in self._by_subject.get(identity_subject(role, identity), ()):
            if block.kind is BlockKind.OVER_QUOTA and now_ms < block.until_ms:
                return block
        return None


def _blocks(block: Block, token: Token, now_ms: int) -> bool:
    if now_ms >= block.until_ms:
        return False
    return block.issued_before_ms is None or token.issued_at_ms < block.issued_before_ms
