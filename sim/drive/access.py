"""Tokens, kept while they are good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sim.token_client import TokenClient

TTL_S = 3600
RENEW_S = 300.0
"""A token is renewed so long before its end, so that none expires between here and a gateway."""


class IdentityTokens:
    """One identity's token: issued once, again before it expires, or when one is refused."""

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
        """A valid token; another one than before when ``fresh``.

        Raises:
            TokenError: The issuer doesn't answer or refuses.
        """
        if fresh or not self._token or self._clock() >= self._good_until:
            requested_at = self._clock()
            self._token = await asyncio.to_thread(
                self._client.token, self._role, self._identity, ttl_s=TTL_S
            )
            self._good_until = requested_at + TTL_S - RENEW_S
        return self._token
