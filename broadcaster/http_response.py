"""Parses HTTP/1.1 responses from bytes as they arrive; does not use sockets.

RFC 9112, as far as it applies to the response to a POST: interim responses are skipped; a body is
delimited by ``Content-Length``, by chunks, or by the connection's end. Nothing is decompressed,
because the requests offer no encoding.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_HEAD_BYTES: Final = 65_536
MAX_BODY_BYTES: Final = 1_048_576
"""A response of API Gateway has a few hundred bytes."""

_HEAD_END: Final = b"\r\n\r\n"
_LINE_END: Final = b"\r\n"
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?(?:\r\n|\Z)")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*(?=\r\n|\Z)")
_CHUNK_LINE: Final = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*\bchunked[ \t]*(?=\r\n|\Z)")
_CLOSE: Final = re.compile(rb"\r\nconnection:[^\r\n]*\bclose\b")
_KEEP_ALIVE: Final = re.compile(rb"\r\nconnection:[^\r\n]*\bkeep-alive\b")
_WITHOUT_BODY: Final = frozenset({204, 304})


class MalformedResponseError(Exception):
    """The bytes are not an HTTP response, or exceed a limit."""


class HttpResponse(NamedTuple):
    """One response."""

    status: int
    head: bytes
    """Status line and header lines as received."""
    body: bytes
    is_reusable: bool
    """Whether the connection can take another request."""

    def header(self, name: str) -> str:
        """A header's value; empty when the header is missing."""
        found = re.search(
            rb"\r\n%b:[ \t]*([^\r\n]*)" % re.escape(name.encode()), self.head, re.IGNORECASE
        )
        return found[1].decode("latin-1").strip() if found else ""


class ResponseReader:
    """Takes the bytes of one connection and returns its responses one by one."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> HttpResponse | None:
        """Takes more bytes; returns the response once it is complete, else None.

        Raises:
            MalformedResponseError: The bytes are not a valid response.
        """
        self._buffer = self._buffer + data if self._buffer else data
        return self._read(is_over=False)

    def end(self) -> HttpResponse | None:
        """Handles the connection's end; returns the response if the end delimits it, else None.

        Raises:
            MalformedResponseError: The connection ended within a response.
        """
        return self._read(is_over=True) if self._buffer else None

    def _read(self, *, is_over: bool) -> HttpResponse | None:
        while True:
            buffer = self._buffer
            end = buffer.find(_HEAD_END)
            if end < 0:
                if is_over or len(buffer) > MAX_HEAD_BYTES:
                    raise MalformedResponseError(f"no end of the head in {len(buffer)} bytes")
                return None
            head = buffer[:end]
            line = _STATUS_LINE.match(head)
            if line is None:
                raise MalformedResponseError(f"not HTTP: {head[:40]!r}")
            status = int(line[2])
            if status >= 200:
                return self._with_body(status, head, end + len(_HEAD_END), is_over=is_over)
            self._buffer = buffer[end + len(_HEAD_END) :]  # an interim response

    def _with_body(
        self, status: int, head: bytes, start: int, *, is_over: bool
    ) -> HttpResponse | None:
        buffer = self._buffer
        fields = head.lower()
        is_delimited = True
        if status in _WITHOUT_BODY:
            body, rest = b"", start
        elif b"transfer-encoding" in fields and _CHUNKED.search(fields):
            unchunked = _unchunked(buffer, start)
            if unchunked is None:
                return self._wait(start, is_over=is_over)
            body, rest = unchunked
        elif length := _LENGTH.search(fields):
            rest = start + int(length[1])
            if rest - start > MAX_BODY_BYTES:
                raise MalformedResponseError(f"a body of {rest - start} bytes")
            if len(buffer) < rest:
                return self._wait(start, is_over=is_over)
            body = buffer[start:rest]
        elif not is_over:
            return self._wait(start, is_over=False)
        else:
            body, rest, is_delimited = buffer[start:], len(buffer), False
        self._buffer = b""
        # Unexpected bytes after a response: whatever they are, the connection can't be reused.
        is_reusable = (
            is_delimited and not is_over and len(buffer) == rest and _is_keep_alive(fields)
        )
        return HttpResponse(status, head, body, is_reusable)

    def _wait(self, start: int, *, is_over: bool) -> HttpResponse | None:
        """Handles a body that is not complete yet."""
        if is_over:
            raise MalformedResponseError("the connection ended within a body")
        if len(self._buffer) - start > 2 * MAX_BODY_BYTES:
            raise MalformedResponseError("a body without an end")
        return None


def _is_keep_alive(fields: bytes) -> bool:
    if fields.startswith(b"http/1.1"):
        return b"close" not in fields or not _CLOSE.search(fields)
    return _KEEP_ALIVE.search(fields) is not None


def _unchunked(buffer: bytes, start: int) -> tuple[bytes, int] | None:
    """The body and where it ends; None while it is not complete."""
    parts: list[bytes] = []
    while True:
        if buffer.find(_LINE_END, start) < 0:
            return None
        line = _CHUNK_LINE.match(buffer, start)
        if line is None:
            raise MalformedResponseError("not a chunk")
        size = int(line[1], 16)
        start = line.end()
        if size == 0:
            return _past_trailers(b"".join(parts), buffer, start)
        if len(buffer) < start + size + len(_LINE_END):
            return None
        if buffer[start + size : start + size + len(_LINE_END)] != _LINE_END:
            raise MalformedResponseError("a chunk's size differs from its header")
        parts.append(buffer[start : start + size])
        start += size + len(_LINE_END)


def _past_trailers(body: bytes, buffer: bytes, start: int) -> tuple[bytes, int] | None:
    if buffer.startswith(_LINE_END, start):
        return body, start + len(_LINE_END)
    end = buffer.find(_HEAD_END, start)
    return None if end < 0 else (body, end + len(_HEAD_END))
