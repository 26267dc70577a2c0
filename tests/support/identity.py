"""An identity provider without a network: a key pair, its JWKS, and tokens of any kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from socket_lambda.signing_keys import DISCOVERY_PATH, KeysUnavailable
from tests.support.rsa_keys import rsa_key

ISSUER = "https://login.rtdts.example/"
AUDIENCE = "rtdts"
_JWKS_URL = "https://login.rtdts.example/keys"


class FakeIdentityProvider:
    """Signs tokens, and serves discovery as `fetch_json` would return it.

    Args:
        first_key: The number of its first key (`tests.support.rsa_keys`); the others follow.

    Attributes:
        fetched: The requested URLs, in order.
        is_unavailable: While true every fetch fails.
        configuration: The discovery document.
    """

    def __init__(self, first_key: int = 0) -> None:
        self._first_key = first_key
        self.fetched: list[str] = []
        self.is_unavailable = False
        self.configuration: dict[str, Any] = {"issuer": ISSUER, "jwks_uri": _JWKS_URL}
        self.documents: list[Any] = []
        self._keys: dict[str, RSAPrivateKey] = {}
        self.add_key("k1")

    def add_key(self, key_id: str) -> None:
        key = rsa_key(self._first_key + len(self._keys))
        self._keys[key_id] = key
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        self.documents.append({**public, "kid": key_id, "use": "sig", "alg": "RS256"})

    def public_key_pem(self) -> bytes:
        return (
            self._keys["k1"]
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

    def fetch(self, url: str) -> Mapping[str, Any]:
        self.fetched.append(url)
        if self.is_unavailable:
            raise KeysUnavailable("unavailable")
        responses = {
            ISSUER.rstrip("/") + DISCOVERY_PATH: self.configuration,
            _JWKS_URL: {"keys": self.documents},
        }
        return responses[url]

    def token(self, *, key_id: str = "k1", signed_by: str = "k1", **claims: Any) -> str:
        """Returns a token; a claim of None is omitted."""
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self._keys[signed_by],
            algorithm="RS256",
            headers={"kid": key_id},
        )
