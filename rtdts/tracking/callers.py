"""The caller, as the gateway's JWT authorizer has verified it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rtdts.tracking.blocks import NO_TOKEN, Token, token_of
from rtdts.tracking.roles import ROLES


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caller:
    """The holder of a valid token."""

    role: str
    identity: str
    """Truck id, customer id or the dispatcher's name, according to the role."""
    token_expires_at_ms: int
    token: Token = NO_TOKEN

    @property
    def actor(self) -> str:
        """The caller's name in the log."""
        return f"{self.role}:{self.identity}"


def caller_of(event: Mapping[str, Any], identity_claim: str) -> Caller | None:
    """Returns the caller of an HTTP API event; None if the token has no known role or identity."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    role, identity = claims.get("role"), claims.get(identity_claim)
    if role not in ROLES or not isinstance(identity, str) or not identity:
        return None
    try:
        # The gateway turns every claim into text, large numbers possibly into 1.7955E9.
        expires_at_ms = int(float(claims.get("exp", "")) * 1000)
    except (TypeError, ValueError, OverflowError):
        return None
    return Caller(
        role=role, identity=identity, token_expires_at_ms=expires_at_ms, token=token_of(claims)
    )
