"""Converts an RSA public key from the form that KMS returns to a JSON Web Key. Pure.

KMS returns a SubjectPublicKeyInfo (RFC 5280, RSA's part in RFC 3279) in DER: a few nested
length-prefixed values, too little to ship a cryptographic library for.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json

_SEQUENCE = 0x30
_BIT_STRING = 0x03
_INTEGER = 0x02


class NotAnRsaKeyError(ValueError):
    """The bytes are not the public key of an RSA pair."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RsaPublicKey:
    """A public key, as RFC 7518 writes it: base64url without padding."""

    modulus: str
    exponent: str

    @property
    def key_id(self) -> str:
        """Its thumbprint (RFC 7638): the required members in order, without white space."""
        canonical = json.dumps(
            {"e": self.exponent, "kty": "RSA", "n": self.modulus}, separators=(",", ":")
        )
        return base64url(hashlib.sha256(canonical.encode()).digest())


def base64url(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse_public_key(der: bytes) -> RsaPublicKey:
    """Takes modulus and exponent out of a SubjectPublicKeyInfo.

    Raises:
        NotAnRsaKeyError: It is something else.
    """
    outer, _ = _value(der, _SEQUENCE)
    _algorithm, rest = _value(outer, _SEQUENCE)
    bits, _ = _value(rest, _BIT_STRING)
    # The first byte says how many bits of the last are unused: none.
    pair, _ = _value(bits[1:], _SEQUENCE)
    modulus, rest = _value(pair, _INTEGER)
    exponent, _ = _value(rest, _INTEGER)
    # A leading zero only keeps the number positive.
    return RsaPublicKey(
        modulus=base64url(modulus.lstrip(b"\0")), exponent=base64url(exponent.lstrip(b"\0"))
    )


def _value(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The first value, which must have this tag, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise NotAnRsaKeyError(f"expected a value of type {tag:#04x}")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise NotAnRsaKeyError("a value is cut off")
    return data[start : start + length], data[start + length :]
