"""Posts messages to sockets through the API Gateway management API.

`POST {management_url}/@connections/{connection_id}` answers for one connection; there is no call
for many. So: one session with connections kept alive, a signature made cheap, a time limit a post,
and an answer that is one of four.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Final, Protocol

import aiohttp
from yarl import URL

from broadcaster.signing import Credentials, Payload, PostSigner
from rtdts.runtime.logs import Logger

_GONE: Final = 410
_TOO_MANY_REQUESTS: Final = 429
_LIMIT_EXCEEDED: Final = "LimitExceededException"
_SHOWN_BYTES: Final = 300


class Answer(enum.Enum):
    """What became of a post."""

    DELIVERED = "delivered"
    GONE = "gone"
    """The connection is no more: forget its subscription."""
    THROTTLED = "throttled"
    """This client reads slowly, or the account posts too fast: wait, for this connection."""
    FAILED = "failed"
    """Not known whether it arrived; the next message tells as much."""


class CredentialsSource(Protocol):
    """Where credentials come from; never waits on the network."""

    def current(self) -> Credentials:
        """The credentials to sign with now."""


class SocketPoster:
    """Posts to one WebSocket API's connections. Bounding how many at once is its caller's part.

    Args:
        session: Its connector's limit should not be below the number of posts at once.
        signer: Signs for the same API.
        credentials: Asked before each post.
        timeout_s: Limit of one post, connecting included.
        log: Told of failures.
        now_ms: Wall clock, for signatures.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        signer: PostSigner,
        credentials: CredentialsSource,
        *,
        timeout_s: float,
        log: Logger,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._session = session
        self._signer = signer
        self._credentials = credentials
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._log = log
        self._now_ms = now_ms

    async def post(self, connection_id: str, payload: Payload) -> Answer:
        """Posts one message; never raises for what a connection or the network does."""
        try:
            try:
                return await self._post(connection_id, payload)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                # A kept connection that the other side closed meanwhile: once more on a new one.
                # Should the first have arrived, a message received twice is dropped by version.
                return await self._post(connection_id, payload)
        except (aiohttp.ClientError, OSError) as error:  # a time limit passed is an OSError too
            self._log.warning("post_failed", connection_id=connection_id, reason=repr(error))
            return Answer.FAILED

    async def _post(self, connection_id: str, payload: Payload) -> Answer:
        headers = self._signer.headers(
            connection_id, payload, self._credentials.current(), self._now_ms()
        )
        async with self._session.post(
            URL(self._signer.url(connection_id), encoded=True),
            data=payload.data,
            headers=headers,
            timeout=self._timeout,
            allow_redirects=False,
        ) as response:
            if response.status // 100 == 2:
                await response.read()  # frees the connection for the next post
                return Answer.DELIVERED
            body = await response.read()
            error_type = response.headers.get("x-amzn-ErrorType", "")
        if response.status == _GONE:
            return Answer.GONE
        if (
            response.status == _TOO_MANY_REQUESTS
            or error_type.startswith(_LIMIT_EXCEEDED)
            or _LIMIT_EXCEEDED.encode() in body
        ):
            return Answer.THROTTLED
        self._log.warning(
            "post_refused",
            connection_id=connection_id,
            status=response.status,
            body=body[:_SHOWN_BYTES].decode(errors="replace"),
        )
        return Answer.FAILED
