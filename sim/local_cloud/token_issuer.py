"""The token issuer of the local company: an RSA key in a file, and tokens signed with it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any, Literal, get_args

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

Role = Literal["truck", "customer", "dispatcher", "bridge"]
ROLES: tuple[str, ...] = get_args(Role)
ALGORITHM = "RS256"
KEY_BITS = 2048
MAX_TTL_S = 7 * 24 * 3600
ID_TOKEN_TTL_S = 300


class TokenRequestError(ValueError):
    """The requested token can't be issued; the message says which part is invalid."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """The identity of a token, and how long it is valid."""

    role: str
    identity: str
    ttl_s: int = 3600

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise TokenRequestError(f"role must be one of {', '.join(ROLES)}")
        if not self.identity:
            raise TokenRequestError("identity must not be empty")
        # Negative: an expired token, for tests of rejections.
        if not -MAX_TTL_S <= self.ttl_s <= MAX_TTL_S:
            raise TokenRequestError(f"ttl_s must be at most {MAX_TTL_S}")


class TokenIssuer:
    """Signs tokens for one issuer and one audience."""

    def __init__(self, key: rsa.RSAPrivateKey, *, issuer: str, audience: str) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
        self._key_id = _thumbprint(self._public)

    def issue(self, request: TokenRequest, *, now_s: int) -> str:
        """Signs a token for the request, valid from now on."""
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": request.identity,
            "role": request.role,
            "jti": secrets.token_urlsafe(12),
            "iat": now_s,
            "exp": now_s + request.ttl_s,
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self._key_id})

    def issue_id_token(self, identity: str, *, audience: str, nonce: str, now_s: int) -> str:
        """Signs an OIDC ID token: the signed-in identity, for the client, bound to its request."""
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": identity,
            "nonce": nonce,
            "iat": now_s,
            "exp": now_s + ID_TOKEN_TTL_S,
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"kid": self._key_id})

    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        key = {name: self._public[name] for name in ("kty", "n", "e")}
        return {"keys": [{**key, "kid": self._key_id, "use": "sig", "alg": ALGORITHM}]}

    def discovery(self) -> dict[str, Any]:
        """The OpenID Connect discovery document, with the fields needed to verify tokens."""
        return {
            "issuer": self._issuer,
            "jwks_uri": f"{self._issuer}/jwks.json",
            "token_endpoint": f"{self._issuer}/token",
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        }


def load_or_create_key(path: Path) -> rsa.RSAPrivateKey:
    """The key in the file, created on first use, so that tokens stay valid after a restart.

    Raises:
        TypeError: The file holds a key of another kind.
        ValueError: The file holds no key.
    """
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        return _create_key(path)
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return key


def _create_key(path: Path) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    draft.replace(path)
    return key


def _thumbprint(public: dict[str, Any]) -> str:
    # RFC 7638: the required members in lexicographic order, without white space.
    canonical = json.dumps(
        {name: public[name] for name in ("e", "kty", "n")}, separators=(",", ":")
    )
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
