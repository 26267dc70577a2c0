"""The public key in a certificate, read without a library for X.509.

`cryptography` would make the Lambda's archive 4 MB larger and its first invocation slower, for one
field of a certificate that AWS IoT Core has signed itself.
"""

from __future__ import annotations

import hashlib
import ssl
from typing import Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
"""Tags of DER (X.690); the version is optional, and is the first field if it is there."""
_FIELDS_BEFORE_KEY: Final = 5
"""Fields of a certificate without a version (RFC 5280, 4.1): serial number, signature, issuer,
validity, subject."""


def public_key_hash(certificate_pem: str) -> str | None:
    """Returns the SHA-256 of a certificate's public key, in hex; None if it is not a certificate.

    It covers the field ``subjectPublicKeyInfo``, which is the same in every certificate of a key.
    """
    try:
        der = ssl.PEM_cert_to_DER_cert(certificate_pem)
        (certificate,) = _elements(der)
        fields = _elements(_content(_elements(_content(certificate))[0]))
        if fields[0][0] == _VERSION:
            del fields[0]
        key = fields[_FIELDS_BEFORE_KEY]
        _content(key)
    except (ValueError, IndexError):
        return None
    return hashlib.sha256(key).hexdigest()


def _content(element: bytes) -> bytes:
    """Returns the content of a sequence.

    Raises:
        ValueError: It is not a sequence.
    """
    if element[0] != _SEQUENCE:
        raise ValueError("not a sequence")
    start, end = _bounds(element, 0)
    return element[start:end]


def _elements(content: bytes) -> list[bytes]:
    """Returns the consecutive elements of a content.

    Raises:
        ValueError: They are cut off.
        IndexError: They are cut off.
    """
    elements, at = [], 0
    while at < len(content):
        _, end = _bounds(content, at)
        elements.append(content[at:end])
        at = end
    return elements


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    """Returns where the content of the element at a position starts and ends.

    Raises:
        ValueError: It is cut off.
        IndexError: It is cut off.
    """
    start, length = at + 2, data[at + 1]
    if length > 0x7F:  # the length's own length
        start += length & 0x7F
        length = int.from_bytes(data[at + 2 : start])
    if start + length > len(data):
        raise ValueError("cut off")
    return start, start + length
