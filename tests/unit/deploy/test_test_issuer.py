"""The test issuer's responses, its tokens checked by another library."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from deploy.test_issuer.issuer import DISCOVERY, KEYS, TOKEN, TestIssuer, request_of
from deploy.test_issuer.public_key import NotAnRsaKeyError, parse_public_key
from sim.local_cloud.token_issuer import TokenIssuer
from tests.support.rsa_keys import rsa_key

URL = "https://issuer.example"
SECRET = "a secret"
NOW_S = 1_795_000_000


def der_of(public: Any) -> bytes:
    return public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


class LocalKey:
    def public_key_der(self) -> bytes:
        return der_of(rsa_key().public_key())

    def sign(self, message: bytes) -> bytes:
        return rsa_key().sign(message, padding.PKCS1v15(), hashes.SHA256())


def issuer() -> TestIssuer:
    return TestIssuer(
        LocalKey(),
        url=URL,
        audience="rtdts",
        secret_sha256=hashlib.sha256(SECRET.encode()).hexdigest(),
        now_s=lambda: NOW_S + 0.7,
    )


def send_request(body: Any, secret: str = SECRET) -> tuple[int, Any]:
    response = issuer().respond(TOKEN, f"Bearer {secret}", json.dumps(body).encode())
    return int(response.status), response.body


def test_a_token_is_valid_for_the_published_key() -> None:
    status, body = send_request({"role": "truck", "identity": "T-1", "ttl_s": 60})
    keys = jwt.PyJWKSet.from_dict(dict(issuer().respond(KEYS, "", b"").body))
    token = body["access_token"]
    claims = jwt.decode(
        token,
        keys[jwt.get_unverified_header(token)["kid"]].key,
        ["RS256"],
        audience="rtdts",
        issuer=URL,
        options={"verify_exp": False, "verify_iat": False},
    )

    assert status == 200
    assert claims["sub"] == "T-1"
    assert claims["role"] == "truck"
    assert claims["exp"] - claims["iat"] == 60


def test_it_publishes_the_same_as_the_local_identity_provider_with_the_same_key() -> None:
    local = TokenIssuer(rsa_key(), issuer=URL, audience="rtdts")

    assert issuer().respond(KEYS, "", b"").body == local.key_set()
    assert issuer().respond(DISCOVERY, "", b"").body == local.discovery()


def test_a_client_without_the_secret_gets_no_token() -> None:
    status, body = send_request({"role": "truck", "identity": "T-1"}, secret="another")

    assert status == 401
    assert "access_token" not in body


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"role": "operator", "identity": "x"},
        {"role": "truck", "identity": ""},
        {"role": "truck"},
        {"role": "truck", "identity": "T-1", "ttl_s": "60"},
        {"role": "truck", "identity": "T-1", "ttl_s": True},
        {"role": "truck", "identity": "T-1", "ttl_s": 10**9},
    ],
)
def test_a_token_that_cannot_be_issued_is_rejected(body: Any) -> None:
    assert send_request(body)[0] == 400


def test_a_body_that_is_no_json_is_rejected() -> None:
    assert issuer().respond(TOKEN, f"Bearer {SECRET}", b"{").status == 400


def test_no_other_path_has_a_handler() -> None:
    assert issuer().respond(("GET", "/token"), f"Bearer {SECRET}", b"").status == 404


def test_a_request_is_read_from_the_gateways_event() -> None:
    event = {
        "routeKey": "POST /token",
        "headers": {"authorization": "Bearer s"},
        "body": base64.b64encode(b"{}").decode(),
        "isBase64Encoded": True,
    }

    assert request_of(event) == (TOKEN, "Bearer s", b"{}")
    assert request_of({**event, "body": "{}", "isBase64Encoded": False})[2] == b"{}"
    assert request_of({"routeKey": "GET /jwks.json"}) == (KEYS, "", b"")


@pytest.mark.parametrize(
    "der",
    [b"", b"\x30\x03\x02", der_of(ec.generate_private_key(ec.SECP256R1()).public_key())],
    ids=["empty", "cut off", "of an elliptic curve"],
)
def test_a_key_that_is_not_rsa_is_rejected(der: bytes) -> None:
    with pytest.raises(NotAnRsaKeyError):
        parse_public_key(der)
