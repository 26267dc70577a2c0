"""Unpacks compressed bodies, without holding more in memory than the allowed size."""

from __future__ import annotations

import zlib

_GZIP_TYPES = {"application/gzip", "application/x-gzip"}
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS  # "16 +": with gzip's header and trailer, and only those


class BodyTooLargeError(Exception):
    """The unpacked body is larger than allowed."""


class NotUnpackableError(Exception):
    """The body is not the base64 or gzip that it is declared to be."""


def unpacked(body: bytes, *, content_type: str, max_bytes: int) -> bytes:
    """Returns the body unpacked.

    Args:
        body: As it was sent.
        content_type: As the sender declared it; gzip is unpacked, anything else is left as it is.
        max_bytes: The largest allowed size, unpacked.

    Raises:
        BodyTooLargeError: The body is larger, or unpacks to more.
        NotUnpackableError: The body is not exactly one whole gzip member.
    """
    if content_type.partition(";")[0].strip().lower() in _GZIP_TYPES:
        return _gunzip(body, max_bytes)
    if len(body) > max_bytes:
        raise BodyTooLargeError
    return body


def _gunzip(packed: bytes, max_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        # One byte more than allowed is enough to detect a body that is too large.
        unpacked_body = unpacking.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise NotUnpackableError("the body is not gzip") from error
    if len(unpacked_body) > max_bytes:
        raise BodyTooLargeError
    if not unpacking.eof or unpacking.unused_data:
        raise NotUnpackableError("the body is not one whole gzip file")
    return unpacked_body
