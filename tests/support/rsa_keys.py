"""RSA keys for tests, which share them: creating one takes a tenth of a second."""

from __future__ import annotations

import functools

from cryptography.hazmat.primitives.asymmetric import rsa


@functools.cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """Returns the key pair with this number."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
