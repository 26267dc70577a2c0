import json
import stat

import jwt
import pytest
from jwt.types import Options

from sim.local_cloud.identity_provider import IdentityProvider
from sim.local_cloud.token_issuer import (
    TokenIssuer,
    TokenRequest,
    TokenRequestError,
    load_or_create_key,
)
from tests.support.rsa_keys import rsa_key

NOW_S = 1_795_500_000
ISSUER = "http://127.0.0.1:8099"
SECRET = "s3cret"


@pytest.fixture
def issuer():
    return TokenIssuer(rsa_key(), issuer=ISSUER, audience="rtdts")


@pytest.fixture
def provider(issuer):
    return IdentityProvider(issuer, secret="s3cret", now_s=lambda: NOW_S + 0.9)


def read(token: str, key_set: dict) -> dict:
    header = jwt.get_unverified_header(token)
    public = next(k for k in jwt.PyJWKSet.from_dict(key_set).keys if k.key_id == header["kid"])
    options: Options = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(
        token, public, algorithms=["RS256"], audience="rtdts", issuer=ISSUER, options=options
    )


def send_request(provider: IdentityProvider, secret=SECRET, **body):
    return provider.post("/token", f"Bearer {secret}", json.dumps(body).encode())


def test_a_token_has_its_claims_and_verifies_with_the_published_keys(provider):
    response = send_request(provider, role="truck", identity="T-1", ttl_s=60)

    assert response.status == 200
    claims = read(response.body["access_token"], provider.get("/jwks.json").body)
    assert len(claims.pop("jti")) == 16
    assert claims == {
        "iss": ISSUER,
        "aud": "rtdts",
        "sub": "T-1",
        "role": "truck",
        "iat": NOW_S,
        "exp": NOW_S + 60,
    }


def test_the_discovery_document_has_the_url_of_the_keys(provider):
    document = provider.get("/.well-known/openid-configuration").body

    assert document["issuer"] == ISSUER
    assert document["jwks_uri"] == f"{ISSUER}/jwks.json"


def test_the_private_key_is_not_published(provider):
    (published,) = provider.get("/jwks.json").body["keys"]

    assert published.keys() == {"kty", "n", "e", "kid", "use", "alg"}


@pytest.mark.parametrize("secret", ["", "s3cre", "s3cret2", "ümlaut"])
def test_no_token_without_the_secret(provider, secret):
    response = send_request(provider, secret, role="truck", identity="T-1")

    assert response.status == 401
    assert "access_token" not in response.body


@pytest.mark.parametrize(
    "body",
    [
        {"role": "admin", "identity": "x"},
        {"role": "truck"},
        {"role": "truck", "identity": ""},
        {"role": "truck", "identity": 5},
        {"role": "truck", "identity": "T-1", "ttl_s": "60"},
        {"role": "truck", "identity": "T-1", "ttl_s": True},
        {"role": "truck", "identity": "T-1", "ttl_s": 10**9},
    ],
)
def test_an_invalid_token_request_is_rejected(provider, body):
    assert send_request(provider, **body).status == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{"])
def test_a_body_that_is_no_object_is_rejected(provider, body):
    assert provider.post("/token", "Bearer s3cret", body).status == 400


def test_other_paths_are_not_found(provider):
    assert provider.get("/token").status == 404
    assert provider.post("/", "Bearer s3cret", b"{}").status == 404


def test_an_expired_token_can_be_issued_for_tests(issuer):
    token = issuer.issue(TokenRequest(role="customer", identity="C-1", ttl_s=-60), now_s=NOW_S)

    assert read(token, issuer.key_set())["exp"] == NOW_S - 60


def test_a_token_request_with_an_unknown_role_is_rejected():
    with pytest.raises(TokenRequestError, match="truck, customer, dispatcher"):
        TokenRequest(role="driver", identity="T-1")


def test_tokens_stay_valid_after_a_restart(tmp_path):
    path = tmp_path / "run" / "key.pem"
    before = TokenIssuer(load_or_create_key(path), issuer=ISSUER, audience="rtdts")
    token = before.issue(TokenRequest(role="truck", identity="T-1"), now_s=NOW_S)

    after = TokenIssuer(load_or_create_key(path), issuer=ISSUER, audience="rtdts")

    assert read(token, after.key_set())["sub"] == "T-1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
