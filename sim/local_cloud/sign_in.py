"""Sign-in at the local identity provider: OIDC's authorization code flow with PKCE.

It emulates the company's login page, only for the console: public clients with exact redirect
URIs, S256 only (RFC 7636), and short-lived codes that are valid once. It has no passwords, as only
this machine can reach it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sim.local_cloud.token_issuer import TokenIssuer, TokenRequest

AUTHORIZE = "/authorize"
CODE_TOKENS = "/oauth2/token"
CODE_TTL_S = 60.0
SESSION_TTL_S = 8 * 3600
"""A working day: the console has no refresh token."""

MAX_CODES = 1000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_PASSED_ON = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")


@dataclass(frozen=True, kw_only=True)
class Client:
    """A public client: it has no secret, so its redirect URIs are exact."""

    client_id: str
    redirect_uris: tuple[str, ...]

    @property
    def origins(self) -> frozenset[str]:
        """The origins of its pages."""
        parts = (urlsplit(uri) for uri in self.redirect_uris)
        return frozenset(f"{part.scheme}://{part.netloc}" for part in parts)


@dataclass(frozen=True, kw_only=True)
class LoginPage:
    """The page on which a dispatcher enters a name."""

    status: HTTPStatus
    html: str
    form_targets: tuple[str, ...] = ()
    """Origins to which the form may redirect."""


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """A redirect back to the client."""

    location: str


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The response of the token endpoint: tokens, or an OAuth error."""

    status: HTTPStatus
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Grant:
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    identity: str
    ends_at_s: float


class SignIn:
    """Determines the responses of the authorization and token endpoints; keeps the open codes."""

    def __init__(
        self,
        issuer: TokenIssuer,
        clients: Sequence[Client],
        *,
        now_s: Callable[[], float],
        make_code: Callable[[], str],
    ) -> None:
        self._issuer = issuer
        self._clients = {client.client_id: client for client in clients}
        self._now_s = now_s
        self._make_code = make_code
        self._grants: dict[str, _Grant] = {}
        self._lock = threading.Lock()

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may read tokens and discovery."""
        return frozenset().union(*(client.origins for client in self._clients.values()))

    def discovery(self) -> dict[str, Any]:
        """The OpenID Connect discovery document, with the endpoints of the code flow."""
        known = self._issuer.discovery()
        return {
            **known,
            "authorization_endpoint": f"{known['issuer']}{AUTHORIZE}",
            "token_endpoint": f"{known['issuer']}{CODE_TOKENS}",
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code"],
            "response_types_supported": ["code"],
        }

    def authorize(self, query: str) -> LoginPage | Redirect:
        """GET /authorize: the login page, or an error for an invalid request."""
        parameters = _fields(query)
        return self._rejection(parameters) or _login_page(HTTPStatus.OK, parameters)

    def log_in(self, form: str) -> LoginPage | Redirect:
        """POST /authorize: a code for the identity that the form names."""
        parameters = _fields(form)
        rejection = self._rejection(parameters)
        if rejection is not None:
            return rejection
        identity = parameters.get("identity", "").strip()
        if not _NAME.fullmatch(identity):
            return _login_page(HTTPStatus.BAD_REQUEST, parameters, problem=True)
        now_s = self._now_s()
        grant = _Grant(
            client_id=parameters["client_id"],
            redirect_uri=parameters["redirect_uri"],
            challenge=parameters["code_challenge"],
            nonce=parameters["nonce"],
            identity=identity,
            ends_at_s=now_s + CODE_TTL_S,
        )
        code = self._make_code()
        with self._lock:
            # The oldest come first, and all are valid for equally long.
            while self._grants and (
                len(self._grants) >= MAX_CODES
                or next(iter(self._grants.values())).ends_at_s <= now_s
            ):
                del self._grants[next(iter(self._grants))]
            self._grants[code] = grant
        return _back(parameters, code=code)

    def exchange(self, form: str) -> Tokens:
        """POST /oauth2/token: the tokens for a code, once."""
        parameters = _fields(form)
        if parameters.get("grant_type") != "authorization_code":
            return _error("unsupported_grant_type")
        with self._lock:
            # Any use of a code invalidates it, even with a wrong verifier.
            grant = self._grants.pop(parameters.get("code", ""), None)
        now_s = self._now_s()
        if grant is None or now_s >= grant.ends_at_s:
            return _error("invalid_grant")
        if (parameters.get("client_id"), parameters.get("redirect_uri")) != (
            grant.client_id,
            grant.redirect_uri,
        ):
            return _error("invalid_grant")
        verifier = parameters.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(
            challenge_of(verifier), grant.challenge
        ):
            return _error("invalid_grant")
        request = TokenRequest(role="dispatcher", identity=grant.identity, ttl_s=SESSION_TTL_S)
        return Tokens(
            status=HTTPStatus.OK,
            body={
                "access_token": self._issuer.issue(request, now_s=int(now_s)),
                "id_token": self._issuer.issue_id_token(
                    grant.identity, audience=grant.client_id, nonce=grant.nonce, now_s=int(now_s)
                ),
                "token_type": "Bearer",
                "expires_in": SESSION_TTL_S,
            },
        )

    def _rejection(self, parameters: Mapping[str, str]) -> LoginPage | Redirect | None:
        client = self._clients.get(parameters.get("client_id", ""))
        if client is None or parameters.get("redirect_uri") not in client.redirect_uris:
            # Never redirect to a URI that is not allowed (RFC 6749, 4.1.2.1).
            return LoginPage(
                status=HTTPStatus.BAD_REQUEST,
                html=_document("<p>This client or its redirect URI is not known here.</p>"),
            )
        if not parameters.get("state") or not parameters.get("nonce"):
            return _back(parameters, error="invalid_request")
        if parameters.get("code_challenge_method") != "S256":
            return _back(parameters, error="invalid_request")
        if not _CHALLENGE.fullmatch(parameters.get("code_challenge", "")):
            return _back(parameters, error="invalid_request")
        if parameters.get("response_type") != "code":
            return _back(parameters, error="unsupported_response_type")
        if "openid" not in parameters.get("scope", "").split():
            return _back(parameters, error="invalid_scope")
        return None


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _fields(encoded: str) -> dict[str, str]:
    """The fields without those that occur twice (RFC 6749, 3.1)."""
    pairs = parse_qsl(encoded, keep_blank_values=True)
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _back(parameters: Mapping[str, str], **response: str) -> Redirect:
    state = {"state": parameters["state"]} if parameters.get("state") else {}
    return Redirect(location=f"{parameters['redirect_uri']}?{urlencode({**response, **state})}")


def _error(error: str) -> Tokens:
    return Tokens(status=HTTPStatus.BAD_REQUEST, body={"error": error})


def _login_page(
    status: HTTPStatus, parameters: Mapping[str, str], *, problem: bool = False
) -> LoginPage:
    fixed = {
        **{name: parameters[name] for name in _PASSED_ON},
        "response_type": "code",
        "scope": "openid",
        "code_challenge_method": "S256",
    }
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
        for name, value in fixed.items()
    )
    note = (
        '<p role="alert">A name has 1 to 64 letters, digits, dots, hyphens, underscores or @.</p>'
    )
    parts = urlsplit(parameters["redirect_uri"])
    return LoginPage(
        status=status,
        html=_document(
            f'<form method="post" action="{AUTHORIZE}">{hidden}{note if problem else ""}'
            '<p><label>Dispatcher <input name="identity" value="dispatcher" required autofocus '
            'autocomplete="username"></label></p><p><button>Sign in</button></p></form>'
        ),
        form_targets=(f"{parts.scheme}://{parts.netloc}",),
    )


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Sign in</title></head>'
        f"<body><main><h1>RTDTS, local identity provider</h1>{body}</main></body></html>"
    )
