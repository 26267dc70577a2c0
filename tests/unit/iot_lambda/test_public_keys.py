"""The public key of a certificate, compared with a library that reads X.509."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from iot_lambda.public_keys import public_key_hash
from tests.support.certificates import Key, certificate_for, new_key, public_der
from tests.support.rsa_keys import rsa_key

CERTIFICATE = certificate_for(new_key())


@pytest.mark.parametrize(
    "new",
    [
        partial(ec.generate_private_key, ec.SECP256R1()),
        partial(ec.generate_private_key, ec.SECP384R1()),
        rsa_key,
    ],
    ids=["P-256", "P-384", "RSA"],
)
@pytest.mark.parametrize("name", ["x", "x" * 60])
def test_certificates_of_one_key_have_the_same_public_key_hash(
    new: Callable[[], Key], name: str
) -> None:
    key = new()
    expected = hashlib.sha256(public_der(key)).hexdigest()

    assert public_key_hash(certificate_for(key, name)) == expected
    assert public_key_hash(certificate_for(key, name)) == expected


@given(st.integers(min_value=0, max_value=len(CERTIFICATE) - 1), st.text(max_size=3))
def test_a_malformed_certificate_has_no_key_and_never_raises(at: int, other: str) -> None:
    public_key_hash(CERTIFICATE[:at] + other + CERTIFICATE[at + 1 :])

    assert public_key_hash(CERTIFICATE[:at]) is None or at >= len(CERTIFICATE) - 1
    assert public_key_hash(other) is None
