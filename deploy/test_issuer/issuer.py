"""Decides the response to each request: discovery, keys, tokens."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from deploy.test_issuer.public_key import RsaPublicKey, base64url, parse_public_key
from rtdts.tracking.roles import ROLES

ALGORITHM = "RS256"
MAX_TTL_S = 24 * 3600

DISCOVERY = ("GET", "/.well-known/openid-configuration")
KEYS = ("GET", "/jwks.json")
TOKEN = ("POST", "/token")
ROUTES = (DISCOVERY, KEYS, TOKEN)
"""Method and path of every route; none behind an authorizer."""


class SigningKey(Protocol):
    """An RSA key pair whose private key is never exposed."""

    def public_key_der(self) -> bytes:
        """The public key, as a SubjectPublicKeyInfo."""

    def sign(self, message: bytes) -> bytes:
        """Signs with RSASSA-PKCS1-v1_5 and SHA-256."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class JsonResponse:
    """An HTTP response: a status code and a JSON body."""

    status: HTTPStatus
    body: Mapping[str, Any]


class RequestError(ValueError):
    """The requested token can't be issued; the message says which part is invalid."""


class TestIssuer:
    """The issuer, for one audience.

    Args:
        key: Signs the tokens.
        url: This issuer's URL, without a slash at its end: the tokens' ``iss``.
        audience: The tokens' ``aud``.
        secret_sha256: The required hash of a client's secret, in hexadecimal digits.
        now_s: Epoch seconds.
    """

    __test__ = False  # not a test, although pytest would collect it by its name

    def __init__(
        self,
        key: SigningKey,
        *,
        url: str,
        audience: str,
        secret_sha256: str,
        now_s: Callable[[], float],
    ) -> None:
        self._key = key
        self._url = url
        self._audience = audience
        self._secret_sha256 = secret_sha256
        self._now_s = now_s
        self._known_public: RsaPublicKey | None = None

    def respond(self, route: tuple[str, str], authorization: str, body: bytes) -> JsonResponse:
        """The response to a request."""
        if route == DISCOVERY:
            return JsonResponse(status=HTTPStatus.OK, body=self._discovery())
        if route == KEYS:
            return JsonResponse(status=HTTPStatus.OK, body=self._key_set())
        if route != TOKEN:
            return _problem(HTTPStatus.NOT_FOUND, "not_found")
        offered = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
        if not hmac.compare_digest(offered, self._secret_sha256):
            return _problem(HTTPStatus.UNAUTHORIZED, "invalid_client")
        try:
            role, identity, ttl_s = _parse(body)
        except RequestError as error:
            return _problem(HTTPStatus.BAD_REQUEST, str(error))
        token = self._token(role, identity, ttl_s)
        return JsonResponse(
            status=HTTPStatus.OK,
            body={"access_token": token, "token_type": "Bearer", "expires_in": ttl_s},
        )

    @property
    def _public(self) -> RsaPublicKey:
        if self._known_public is None:
            self._known_public = parse_public_key(self._key.public_key_der())
        return self._known_public

    def _token(self, role: str, identity: str, ttl_s: int) -> str:
        now_s = int(self._now_s())
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._public.key_id}
        claims = {
            "iss": self._url,
            "aud": self._audience,
            "sub": identity,
            "role": role,
            "jti": secrets.token_urlsafe(12),
            "iat": now_s,
            "exp": now_s + ttl_s,
        }
        signed = f"{_encoded(header)}.{_encoded(claims)}"
        return f"{signed}.{base64url(self._key.sign(signed.encode()))}"

    def _key_set(self) -> dict[str, Any]:
        key = self._public
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "n": key.modulus,
                    "e": key.exponent,
                    "kid": key.key_id,
                    "use": "sig",
                    "alg": ALGORITHM,
                }
            ]
        }

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self._url,
            "jwks_uri": f"{self._url}{KEYS[1]}",
            "token_endpoint": f"{self._url}{TOKEN[1]}",
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        }


def request_of(event: Mapping[str, Any]) -> tuple[tuple[str, str], str, bytes]:
    """Route, Authorization header and body of an HTTP API's event, payload format 2.0."""
    method, _, path = str(event.get("routeKey", "")).partition(" ")
    authorization = str((event.get("headers") or {}).get("authorization", ""))
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return (method, path), authorization, text.encode()
    try:
        return (method, path), authorization, base64.b64decode(text)
    except binascii.Error:
        return (method, path), authorization, b""


def _encoded(part: Mapping[str, Any]) -> str:
    return base64url(json.dumps(part, separators=(",", ":")).encode())


def _parse(body: bytes) -> tuple[str, str, int]:
    try:
        body_members = json.loads(body)
    except ValueError as error:
        raise RequestError("the body is not JSON") from error
    if not isinstance(body_members, dict):
        raise RequestError("the body is not an object")
    role, identity, ttl_s = (
        body_members.get("role"),
        body_members.get("identity"),
        body_members.get("ttl_s", 3600),
    )
    if role not in ROLES:
        raise RequestError(f"role must be one of {', '.join(ROLES)}")
    if not isinstance(identity, str) or not identity:
        raise RequestError("identity must be a non-empty string")
    # Negative: an expired token, which tests of refusals need.
    if type(ttl_s) is not int or not -MAX_TTL_S <= ttl_s <= MAX_TTL_S:
        raise RequestError(f"ttl_s must be a whole number of at most {MAX_TTL_S}")
    return str(role), identity, ttl_s


def _problem(status: HTTPStatus, reason: str) -> JsonResponse:
    return JsonResponse(status=status, body={"error": reason})
