"""HTTP for tickets, with the standard library in a thread; an application may supply its own."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

TIMEOUT_S = 10.0
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class HttpResponse:
    """The response.

    Attributes:
        status: The status code.
        retry_after: The header ``Retry-After``, if there was one.
        body: The whole body.
    """

    status: int
    retry_after: str | None
    body: bytes


Post = Callable[[str, Mapping[str, str], bytes], Awaitable[HttpResponse]]
"""Posts a body with headers to a URL; raises OSError when no response came."""


async def post(url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    """Post with `urllib`, through the system's proxies.

    Raises:
        OSError: No response came within 10 s.
    """
    return await asyncio.to_thread(_post, url, headers, body)


def _post(url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    request = urllib.request.Request(url, body, dict(headers), method="POST")  # noqa: S310 - HTTP only
    try:
        with _opener().open(request, timeout=TIMEOUT_S) as response:
            return _read(response.status, response)
    except urllib.error.HTTPError as error:
        with error:
            return _read(error.code, error)
    except http.client.HTTPException as error:
        raise ConnectionError(f"no response: {error!r}") from error


def _read(status: int, response: http.client.HTTPResponse | urllib.error.HTTPError) -> HttpResponse:
    return HttpResponse(status, response.headers.get("Retry-After"), response.read(MAX_BYTES))


def _opener() -> urllib.request.OpenerDirector:
    """An opener for HTTP without redirects, which would send the token or JWT to another host."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
