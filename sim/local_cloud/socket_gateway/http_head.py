"""Parses HTTP/1.1 requests from bytes; does no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

HEAD_END: Final = b"\r\n\r\n"
MAX_HEAD_BYTES: Final = 16_384
MAX_BODY_BYTES: Final = 10 * 1024 * 1024


class BadRequestError(Exception):
    """The data is not a request that is supported here."""


class Head(NamedTuple):
    """A request's head."""

    method: str
    target: str
    """Path and query as sent."""
    headers: Mapping[str, str]
    """Headers by name in lower case; of repeated headers, the last one."""
    length: int
    """Bytes of the head itself, including the empty line."""

    @property
    def path(self) -> str:
        """The target without the query."""
        return self.target.partition("?")[0]

    @property
    def body_length(self) -> int:
        """Bytes of the body.

        Raises:
            BadRequestError: The length is not a number or too large, or the body is chunked.
        """
        if "transfer-encoding" in self.headers:
            raise BadRequestError("a chunked body is not supported")
        text = self.headers.get("content-length", "0")
        if not text.isascii() or not text.isdigit() or int(text) > MAX_BODY_BYTES:
            raise BadRequestError(f"a body of {text[:20]!r} bytes")
        return int(text)


def read_head(buffer: bytes) -> Head | None:
    """The head at the start of the buffer; None while it is incomplete.

    Raises:
        BadRequestError: The data is not a valid head.
    """
    end = buffer.find(HEAD_END)
    if end < 0:
        if len(buffer) > MAX_HEAD_BYTES:
            raise BadRequestError("a head without an end")
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError("not HTTP/1")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError("a header without a value")
        headers[name.lower()] = value.strip()
    return Head(words[0], words[1], headers, end + len(HEAD_END))
