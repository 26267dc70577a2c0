"""Answers that are known as a whole, and the ways in which they don't arrive."""

from __future__ import annotations

import dataclasses
import socket
import struct
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from sim.fault_shim.rules import HowToEnd, ReplaceAnswer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer to a client."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


def replaced(answer: Answer, by: ReplaceAnswer) -> Answer:
    """The false answer in the true one's headers."""
    headers = CIMultiDict(answer.headers)
    headers.popall("Content-Encoding", None)
    headers.update(by.headers)
    return Answer(status=by.status, headers=headers, body=by.body.encode())


def whole(answer: Answer) -> web.StreamResponse:
    """All of it."""
    headers = CIMultiDict(answer.headers)
    # Length and checksum are of what upstream said, which this may not be.
    for name in ("Content-Length", "x-amz-crc32"):
        headers.popall(name, None)
    return web.Response(status=answer.status, headers=headers, body=answer.body)


async def cut_off(request: web.BaseRequest, answer: Answer, after_bytes: int) -> web.StreamResponse:
    """Promises the whole body, sends its beginning, and closes the connection."""
    part = web.StreamResponse(status=answer.status, headers=answer.headers)
    part.content_length = len(answer.body)
    await part.prepare(request)
    await part.write(answer.body[:after_bytes])
    if request.transport is not None:
        request.transport.close()
    return part


def ended(request: web.BaseRequest, by: HowToEnd) -> web.StreamResponse:
    """Ends the connection without a byte of an answer."""
    if request.transport is not None:
        if by == "reset":
            connection: Any = request.transport.get_extra_info("socket")
            # Closed with a linger of 0 s, a connection ends by RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()
