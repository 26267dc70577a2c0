"""RSA keys of invented parties. Creating one takes a tenth of a second, so tests share them."""

from __future__ import annotations

import functools

from cryptography.hazmat.primitives.asymmetric import rsa


@functools.cache
def rsa_key(of: str = "the issuer") -> rsa.RSAPrivateKey:
    """Returns the party's key pair, which is the same in all tests of a process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
