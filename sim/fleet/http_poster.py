"""Sends the uploader's batches as `POST /telemetry` over HTTP."""

from __future__ import annotations

import aiohttp

from sim.fleet.upload_responses import UploadResponse
from sim.fleet.uploader import Poster, UnreachableError

TIMEOUT_S = 35.0
"""More than the gateway's 30 s, so that the gateway can still report a request's outcome."""


def http_poster(session: aiohttp.ClientSession, server_url: str) -> Poster:
    """Posts to a system's HTTP API.

    Args:
        session: Shared by all trucks.
        server_url: ``ServerURL``.
    """
    url = f"{server_url.rstrip('/')}/telemetry"
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)

    async def post(body: bytes, content_type: str, token: str) -> UploadResponse:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
        try:
            async with session.post(url, data=body, headers=headers, timeout=timeout) as response:
                return UploadResponse(
                    response.status, dict(response.headers), await response.read()
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnreachableError(str(error)) from error

    return post
