"""Tokens, cached while they are valid."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sim.token_client import TokenClient

TTL_S = 3600
RENEW_S = 300.0
"""How long before its expiry a token is renewed, so that it does not expire in transit."""


class IdentityTokens:
    """One identity's token: issued once, then again before it expires or after a rejection."""

    def __init__(
        self,
        client: TokenClient,
        role: str,
        identity: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._role = role
        self._identity = identity
        self._clock = clock
        self._token = ""
        self._good_until = 0.0

    async def __call__(self, *, fresh: bool = False) -> str:
        """A valid token; a new one when ``fresh``.

        Raises:
            TokenError: The issuer is unavailable or rejects the request.
        """
        if fresh or not self._token or self._clock() >= self._good_until:
            requested_at = self._clock()
            self._token = await asyncio.to_thread(
                self._client.token, self._role, self._identity, ttl_s=TTL_S
            )
            self._good_until = requested_at + TTL_S - RENEW_S
        return self._token
