"""Caches the process's AWS credentials for a signer that must never wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from botocore.credentials import ReadOnlyCredentials

from broadcaster.signing import Credentials
from broadcaster.threads import Threads
from rtdts.runtime.logs import Logger

REFRESH_EVERY_S: Final = 60.0
"""botocore renews temporary credentials when they are read within 15 minutes of their expiry. With
one read per minute it has 15 attempts."""


class NoCredentialsError(Exception):
    """There are no AWS credentials at all: nothing can be posted."""


class CachedCredentials:
    """Reads botocore's credentials in a thread (it may call the network) and caches them.

    Args:
        read: botocore's `get_frozen_credentials`, or a substitute.
    """

    def __init__(self, read: Callable[[], ReadOnlyCredentials], threads: Threads) -> None:
        self._read = read
        self._threads = threads
        self._cached: Credentials | None = None

    def current(self) -> Credentials:
        """The credentials that were read last.

        Raises:
            NoCredentialsError: None have been read yet.
        """
        if self._cached is None:
            raise NoCredentialsError("refresh() has not succeeded yet")
        return self._cached

    async def refresh(self) -> None:
        """Reads the credentials again.

        Raises:
            NoCredentialsError: There are none.
        """
        frozen = await self._threads.run(self._read)
        if not frozen.access_key or not frozen.secret_key:
            raise NoCredentialsError("no AWS credentials were found")
        self._cached = Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    async def keep_refreshing(
        self, log: Logger, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Reads them again every minute, until cancelled; after a failure the old ones stay."""
        while True:
            await sleep(REFRESH_EVERY_S)
            try:
                await self.refresh()
            except Exception as error:  # botocore raises what its providers raise
                log.exception("credentials_not_renewed", error)
