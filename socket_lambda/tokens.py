"""Checks a token's signature, issuer, audience and time, as API Gateway's JWT authorizer does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jwt

from rtdts.tracking.blocks import NO_TOKEN, Token, token_of
from socket_lambda.signing_keys import SigningKeys

ALGORITHM = "RS256"
"""The only accepted algorithm: a token must not choose how it is checked."""


class InvalidToken(Exception):  # noqa: N818 - what it is, not an error of ours
    """The token is not valid; the text gives the reason, for the log."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Holder:
    """The holder of the token or ticket that opens a socket."""

    role: str
    identity: str
    expires_at_ms: int
    """When the token expires, and with it every right of the connection."""
    token: Token = NO_TOKEN
    delivery_id: str = ""
    """The only delivery that the holder may track; empty: any that it has a right to."""


class TokenReader:
    """Reads a valid token's holder."""

    def __init__(
        self, keys: SigningKeys, *, issuer: str, audience: str, identity_claim: str
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._identity_claim = identity_claim

    def read(self, token: str) -> Holder:
        """Returns the holder of a token.

        Raises:
            InvalidToken: It is not valid, or not at this time, or names no identity.
            KeysUnavailable: It can't be checked at the moment.
        """
        try:
            claims = self._claims(token)
        except jwt.PyJWTError as error:
            raise InvalidToken(str(error)) from error
        self._check_audience(claims)
        role, identity = claims.get("role", ""), claims.get(self._identity_claim)
        if not isinstance(identity, str) or not identity:
            raise InvalidToken(f"no claim {self._identity_claim}")
        return Holder(
            role=str(role),
            identity=identity,
            expires_at_ms=int(float(claims["exp"]) * 1000),
            token=token_of(claims),
        )

    def _claims(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM:
            raise InvalidToken("not signed with RS256")
        key = self._keys.find(str(header.get("kid", "")))
        if key is None:
            raise InvalidToken("signed with an unknown key")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=self._issuer,
            options={"require": ["exp", "iss"], "verify_aud": False},
        )
        return claims

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        # As in API Gateway, `client_id` only counts if there is no `aud` (Cognito's access tokens
        # have none).
        audience = claims.get("aud", claims.get("client_id"))
        named = audience if isinstance(audience, list) else [audience]
        if self._audience not in named:
            raise InvalidToken("for another audience")
