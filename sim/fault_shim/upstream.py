"""What the shim stands before: requests go on to it as they came."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Each connection's own (RFC 9110, 7.6.1); ``expect`` has been answered where it was asked."""

_OUR_OWN = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that the HTTP client would add to a request that has none."""

_CONNECT_S = 5.0


class UpstreamError(Exception):
    """Upstream refused a request of the shim's own."""


def passed_on(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """Headers without those that concern one connection only."""
    kept = ((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP)
    return CIMultiDict(kept)


class Upstream:
    """Asks upstream; use as an async context manager.

    Args:
        url: Scheme, host and port.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        self._session = aiohttp.ClientSession(
            # A kept connection that upstream has closed meanwhile would look like a fault of its.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_S),
            auto_decompress=False,
            skip_auto_headers=_OUR_OWN,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # A request whose answer didn't come would otherwise be made twice, were it a GET or a PUT.
        # There is no public way to say so; the fault shim's tests notice when this has no effect.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @contextlib.asynccontextmanager
    async def send(
        self, method: str, target: str, headers: CIMultiDict[str], body: bytes
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Asks once; the answer's body is as it comes over the wire.

        Raises:
            aiohttp.ClientError: No answer.
        """
        assert self._session is not None, "not entered"  # noqa: S101 - a misuse
        headers = headers.copy()
        headers.pop("Content-Length", None)  # the client's business: the body may be shorter now
        async with self._session.request(
            method,
            URL(self.url + target, encoded=True),
            headers=headers,
            data=io.BytesIO(body) if body else None,  # bytes of a megabyte are warned of
            allow_redirects=False,
        ) as response:
            yield response

    async def call_dynamodb(
        self, headers: Mapping[str, str], operation: str, document: Mapping[str, Any]
    ) -> dict[str, Any]:
        """An operation of the shim's own, as whoever sent `headers`.

        Raises:
            UpstreamError: It was refused.
        """
        mine = CIMultiDict(
            {
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"DynamoDB_20120810.{operation}",
                "Authorization": headers.get("authorization", ""),
            }
        )
        async with self.send("POST", "/", mine, msgspec.json.encode(document)) as response:
            body = await response.read()
            if response.status != 200:
                raise UpstreamError(f"{operation}: {response.status} {body[:500]!r}")
        reply: dict[str, Any] = msgspec.json.decode(body)
        return reply
