"""Complete responses, and the ways in which they fail to arrive."""

from __future__ import annotations

import dataclasses
import socket
import struct
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from sim.fault_shim.rules import HowToEnd, ReplaceResponse


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProxyResponse:
    """A response to a client."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


def replaced(response: ProxyResponse, by: ReplaceResponse) -> ProxyResponse:
    """The replacement response with the headers of the original."""
    headers = CIMultiDict(response.headers)
    headers.popall("Content-Encoding", None)
    headers.update(by.headers)
    return ProxyResponse(status=by.status, headers=headers, body=by.body.encode())


def complete(response: ProxyResponse) -> web.StreamResponse:
    """The complete response."""
    headers = CIMultiDict(response.headers)
    # Length and checksum belong to upstream's body, which may have been replaced.
    for name in ("Content-Length", "x-amz-crc32"):
        headers.popall(name, None)
    return web.Response(status=response.status, headers=headers, body=response.body)


async def cut_off(
    request: web.BaseRequest, response: ProxyResponse, after_bytes: int
) -> web.StreamResponse:
    """Announces the whole body, sends its beginning, and closes the connection."""
    part = web.StreamResponse(status=response.status, headers=response.headers)
    part.content_length = len(response.body)
    await part.prepare(request)
    await part.write(response.body[:after_bytes])
    if request.transport is not None:
        request.transport.close()
    return part


def ended(request: web.BaseRequest, by: HowToEnd) -> web.StreamResponse:
    """Ends the connection without sending any byte of a response."""
    if request.transport is not None:
        if by == "reset":
            connection: Any = request.transport.get_extra_info("socket")
            # A connection that is closed with a linger of 0 s ends with RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()
