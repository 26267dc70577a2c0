"""Reads HTTP/1.1 requests out of bytes; touches no socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

HEAD_END: Final = b"\r\n\r\n"
MOST_HEAD_BYTES: Final = 16_384
MOST_BODY_BYTES: Final = 10 * 1024 * 1024


class BadRequestError(Exception):
    """What came is no request that is served here."""


class Head(NamedTuple):
    """A request's head."""

    method: str
    target: str
    """Path and query as they were sent."""
    headers: Mapping[str, str]
    """By their names in lower case; of repeated ones the last."""
    length: int
    """Bytes of the head itself, the empty line included."""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def body_length(self) -> int:
        """Bytes of the body.

        Raises:
            BadRequestError: The length is no number, too large, or not told.
        """
        if "transfer-encoding" in self.headers:
            raise BadRequestError("a body in chunks")
        text = self.headers.get("content-length", "0")
        if not text.isascii() or not text.isdigit() or int(text) > MOST_BODY_BYTES:
            raise BadRequestError(f"a body of {text[:20]!r} bytes")
        return int(text)


def read_head(buffer: bytes) -> Head | None:
    """The head at the buffer's start; None while it is not whole.

    Raises:
        BadRequestError: It never will be one.
    """
    end = buffer.find(HEAD_END)
    if end < 0:
        if len(buffer) > MOST_HEAD_BYTES:
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
