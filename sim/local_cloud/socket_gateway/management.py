"""``@connections`` over HTTP/1.1: the connection, and the format of its responses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from sim.local_cloud.socket_gateway.http_head import BadRequestError, Head, read_head

Serve = Callable[[Head, bytes], bytes]
"""Handles a request; returns all bytes of the response."""

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class ManagementConnection(asyncio.Protocol):
    """A connection that serves one request after another until the client closes it."""

    def __init__(self, serve: Serve, transport: asyncio.Transport) -> None:
        self._serve = serve
        self._transport = transport
        self._buffer = b""
        self._head: Head | None = None

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._buffer = self._buffer + data if self._buffer else data
        try:
            while self._buffer and (response := self._next()):
                self._transport.write(response)
        except BadRequestError as error:
            self._transport.write(failed(400, "BadRequestException", str(error), request_id=""))
            self._transport.close()

    def _next(self) -> bytes | None:
        """The response to the next request, once it is complete."""
        head = self._head = self._head or read_head(self._buffer)
        if head is None:
            return None
        end = head.length + head.body_length
        if len(self._buffer) < end:
            return None
        body = self._buffer[head.length : end]
        self._buffer, self._head = self._buffer[end:], None
        return self._serve(head, body)


def http_response(status: int, *, request_id: str, body: bytes = b"", more: str = "") -> bytes:
    """A response with the headers of API Gateway.

    Args:
        status: The status code.
        request_id: The service's id of the request.
        body: The JSON body.
        more: Further header lines, each with its line end.
    """
    head = (
        f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n"
        f"Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"x-amzn-RequestId: {request_id}\r\n"
        f"{more}\r\n"
    )
    return head.encode("latin-1") + body


def failed(status: int, kind: str, message: str | None, *, request_id: str) -> bytes:
    """An error as the AWS SDKs parse it: the kind in a header, the reason in the body."""
    document: dict[str, Any] = {"message": message}
    return http_response(
        status,
        request_id=request_id,
        body=json.dumps(document).encode(),
        more=f"x-amzn-ErrorType: {kind}\r\n",
    )
