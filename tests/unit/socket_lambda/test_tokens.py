from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import time
from typing import Any

import jwt
import pytest

from rtdts.runtime.logs import Logger
from socket_lambda.signing_keys import (
    REFETCH_AFTER_S,
    KeysUnavailable,
    SigningKeys,
    fetch_json,
)
from socket_lambda.tokens import Holder, InvalidToken, TokenReader
from tests.support.identity import AUDIENCE, ISSUER, FakeIdentityProvider

CACHED_S = 3600.0
# PyJWT reads the real clock; an hour from now is far enough from every edge.
EXPIRES_AT_S = int(time.time()) + 3600
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "exp": EXPIRES_AT_S,
    "role": "customer",
    "sub": "C-88",
}


@pytest.fixture
def provider() -> FakeIdentityProvider:
    return FakeIdentityProvider()


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def keys(provider: FakeIdentityProvider, clock: Clock, log: io.StringIO) -> SigningKeys:
    return SigningKeys(
        ISSUER,
        cached_s=CACHED_S,
        fetch=provider.fetch,
        monotonic_s=clock,
        log=Logger("test", log),
    )


@pytest.fixture
def reader(keys: SigningKeys) -> TokenReader:
    return TokenReader(keys, issuer=ISSUER, audience=AUDIENCE, identity_claim="sub")


def test_a_valid_token_names_its_holder(
    reader: TokenReader, provider: FakeIdentityProvider
) -> None:
    holder = reader.read(provider.token(**CLAIMS))

    assert holder == Holder(role="customer", identity="C-88", expires_at_ms=EXPIRES_AT_S * 1000)


@pytest.mark.parametrize(
    "audience", [{"aud": [AUDIENCE, "other"]}, {"aud": None, "client_id": AUDIENCE}]
)
def test_the_audience_is_checked_as_by_the_http_gateway(
    reader: TokenReader, provider: FakeIdentityProvider, audience: dict[str, Any]
) -> None:
    assert reader.read(provider.token(**{**CLAIMS, **audience})).identity == "C-88"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"exp": int(time.time()) - 1}, id="expired"),
        {"exp": None},
        pytest.param({"nbf": int(time.time()) + 3600}, id="not yet valid"),
        pytest.param({"iat": int(time.time()) + 3600}, id="not yet issued"),
        {"iss": "https://evil.example/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": "other", "client_id": AUDIENCE},
        {"sub": None},
        {"sub": ""},
        {"key_id": "k-unknown"},
    ],
    ids=str,
)
def test_a_token_with_an_invalid_claim_or_key_is_rejected(
    reader: TokenReader, provider: FakeIdentityProvider, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        reader.read(provider.token(**{**CLAIMS, **wrong}))


def test_a_token_signed_with_another_key_is_rejected(
    reader: TokenReader, provider: FakeIdentityProvider
) -> None:
    stranger = FakeIdentityProvider(first_key=1)

    with pytest.raises(InvalidToken):
        reader.read(stranger.token(**CLAIMS))


def test_a_token_cannot_choose_how_its_signature_is_checked(
    reader: TokenReader, provider: FakeIdentityProvider
) -> None:
    # A well-known attack: the public key as the secret of an HMAC.
    head = segment({"alg": "HS256", "typ": "JWT", "kid": "k1"})
    signed = f"{head}.{segment(CLAIMS)}"
    mac = hmac.new(provider.public_key_pem(), signed.encode(), hashlib.sha256).digest()
    symmetric = f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    unsigned = jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "k1"})
    for token in (symmetric, unsigned):
        with pytest.raises(InvalidToken):
            reader.read(token)


def test_a_token_that_was_changed_is_rejected(
    reader: TokenReader, provider: FakeIdentityProvider
) -> None:
    head, _, signature = provider.token(**CLAIMS).split(".")
    other = segment({**CLAIMS, "sub": "C-99"})

    with pytest.raises(InvalidToken):
        reader.read(f"{head}.{other}.{signature}")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "eyJhbGciOiJSUzI1NiJ9.e30."])
def test_junk_is_rejected(reader: TokenReader, token: str) -> None:
    with pytest.raises(InvalidToken):
        reader.read(token)


def test_keys_are_fetched_once(keys: SigningKeys, provider: FakeIdentityProvider) -> None:
    assert keys.find("k1") is not None
    assert keys.find("k1") is not None
    assert len(provider.fetched) == 2, "discovery and the keys"


def test_a_new_key_is_found_but_unknown_keys_are_not_fetched_each_time(
    keys: SigningKeys, provider: FakeIdentityProvider, clock: Clock
) -> None:
    keys.find("k1")
    for number in range(5):
        assert keys.find(f"invented-{number}") is None
    assert len(provider.fetched) == 2

    provider.add_key("k2")
    clock.now_s += REFETCH_AFTER_S
    assert keys.find("k2") is not None
    assert len(provider.fetched) == 4


def test_a_withdrawn_key_is_dropped_after_a_while(
    keys: SigningKeys, provider: FakeIdentityProvider, clock: Clock
) -> None:
    keys.find("k1")
    provider.documents.clear()
    clock.now_s += CACHED_S - 1
    assert keys.find("k1") is not None

    clock.now_s += 1
    assert keys.find("k1") is None


def test_known_keys_stay_in_use_while_the_provider_is_unavailable(
    keys: SigningKeys, provider: FakeIdentityProvider, clock: Clock, log: io.StringIO
) -> None:
    keys.find("k1")
    provider.is_unavailable = True
    clock.now_s += CACHED_S
    assert keys.find("k1") is not None
    assert keys.find("k1") is not None

    assert len(provider.fetched) == 3, "it is not fetched at every connection"
    assert "keys_not_renewed" in log.getvalue()


def test_without_any_key_no_token_can_be_checked(
    reader: TokenReader, provider: FakeIdentityProvider, clock: Clock
) -> None:
    provider.is_unavailable = True
    with pytest.raises(KeysUnavailable):
        reader.read(provider.token(**CLAIMS))

    provider.is_unavailable = False
    clock.now_s += REFETCH_AFTER_S
    assert reader.read(provider.token(**CLAIMS)).identity == "C-88"


def test_without_any_key_the_provider_is_not_requested_for_each_token(
    reader: TokenReader, provider: FakeIdentityProvider
) -> None:
    provider.is_unavailable = True
    for number in range(5):
        with pytest.raises(KeysUnavailable):
            reader.read(provider.token(**CLAIMS, jti=str(number)))

    assert len(provider.fetched) == 1


def test_a_configuration_of_another_issuer_is_rejected(
    keys: SigningKeys, provider: FakeIdentityProvider
) -> None:
    provider.configuration["issuer"] = "https://evil.example/"

    with pytest.raises(KeysUnavailable):
        keys.find("k1")


def test_keys_that_cannot_be_used_do_not_affect_the_others(
    keys: SigningKeys, provider: FakeIdentityProvider
) -> None:
    provider.documents[:0] = [
        "junk",
        {},
        {"kty": "RSA", "kid": "broken"},
        {"kty": "EC", "kid": "k1", "crv": "P-256"},
        {**provider.documents[0], "kid": "for-encryption", "use": "enc"},
    ]

    assert keys.find("k1") is not None
    assert keys.find("for-encryption") is None


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "",
        "ftp://x/",
        "http://login.rtdts.example/keys",
        "http://127.0.0.1.rtdts.example/keys",
        "http://127.0.0.1@rtdts.example/keys",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1/keys",
    ],
)
def test_only_https_is_fetched_except_from_this_machine(url: str) -> None:
    with pytest.raises(KeysUnavailable, match="is not an https URL"):
        fetch_json(url)
