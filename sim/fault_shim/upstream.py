"""Client of the service behind the shim: forwards requests as received."""

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
"""Headers of a single connection (RFC 9110, 7.6.1); the shim handles ``expect`` itself."""

_OUR_OWN = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that the HTTP client would add to a request without them."""

_CONNECT_S = 5.0


class UpstreamError(Exception):
    """Upstream rejected one of the shim's own requests."""


def passed_on(headers: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    """The headers without those of a single connection."""
    kept = ((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP)
    return CIMultiDict(kept)


class Upstream:
    """Sends requests to upstream; use as an async context manager.

    Args:
        url: Scheme, host and port.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        self._session = aiohttp.ClientSession(
            # A pooled connection that was closed meanwhile would look like a fault of upstream.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_S),
            auto_decompress=False,
            skip_auto_headers=_OUR_OWN,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # Otherwise aiohttp would retry a GET or a PUT that got no response.
        # There is no public option for this; the fault shim's tests fail when this has no effect.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @contextlib.asynccontextmanager
    async def send(
        self, method: str, target: str, headers: CIMultiDict[str], body: bytes
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends a request once; the body of the response is not decompressed.

        Raises:
            aiohttp.ClientError: There was no response.
        """
        assert self._session is not None, "not entered"  # noqa: S101 - a misuse
        headers = headers.copy()
        headers.pop("Content-Length", None)  # aiohttp sets it: the body may be shorter now
        async with self._session.request(
            method,
            URL(self.url + target, encoded=True),
            headers=headers,
            data=io.BytesIO(body) if body else None,  # aiohttp warns about large `bytes`
            allow_redirects=False,
        ) as response:
            yield response

    async def call_dynamodb(
        self, headers: Mapping[str, str], operation: str, document: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Calls an operation for the shim itself, with the given request's headers.

        Raises:
            UpstreamError: Upstream rejected it.
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
