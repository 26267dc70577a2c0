"""The local identity provider: discovery, keys, the console's sign-in, tokens for a secret.

    TOKEN_SECRET=… python -m sim.local_cloud.identity_provider --port 8099 --key-file run/key.pem

It emulates the company's own identity provider, which is not part of RTDTS: it issues tokens for
any identity that the client names.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sim.local_cloud.sign_in import (
    AUTHORIZE,
    CODE_TOKENS,
    Client,
    LoginPage,
    Redirect,
    SignIn,
    Tokens,
)
from sim.local_cloud.token_issuer import (
    TokenIssuer,
    TokenRequest,
    TokenRequestError,
    load_or_create_key,
)

DEFAULT_AUDIENCE = "rtdts"
CONSOLE_CLIENT_ID = "rtdts-console"
SECRET_VARIABLE = "TOKEN_SECRET"  # noqa: S105 - a name
MAX_BODY_BYTES = 4096
DISCOVERY = "/.well-known/openid-configuration"
NO_HEADERS: Mapping[str, str] = {}
PAGE_HEADERS: Mapping[str, str] = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, kw_only=True)
class JsonResponse:
    """An HTTP response: a status and a JSON body."""

    status: HTTPStatus
    body: Mapping[str, Any]


class IdentityProvider:
    """Determines the response to each request; does no I/O."""

    def __init__(self, issuer: TokenIssuer, *, secret: str, now_s: Callable[[], float]) -> None:
        self._issuer = issuer
        self._secret = secret.encode()
        self._now_s = now_s

    def get(self, path: str) -> JsonResponse:
        """Discovery and keys, without authentication."""
        if path == DISCOVERY:
            return JsonResponse(status=HTTPStatus.OK, body=self._issuer.discovery())
        if path == "/jwks.json":
            return JsonResponse(status=HTTPStatus.OK, body=self._issuer.key_set())
        return _problem(HTTPStatus.NOT_FOUND, "not_found")

    def post(self, path: str, authorization: str, body: bytes) -> JsonResponse:
        """Issues a token for a JSON body with ``role``, ``identity`` and optionally ``ttl_s``."""
        if path != "/token":
            return _problem(HTTPStatus.NOT_FOUND, "not_found")
        offered = authorization.removeprefix("Bearer ").encode()
        if not hmac.compare_digest(offered, self._secret):
            return _problem(HTTPStatus.UNAUTHORIZED, "invalid_client")
        try:
            request = _parse(body)
        except TokenRequestError as error:
            return _problem(HTTPStatus.BAD_REQUEST, str(error))
        token = self._issuer.issue(request, now_s=int(self._now_s()))
        return JsonResponse(
            status=HTTPStatus.OK,
            body={"access_token": token, "token_type": "Bearer", "expires_in": request.ttl_s},
        )


def _parse(body: bytes) -> TokenRequest:
    try:
        requested = json.loads(body)
    except ValueError as error:
        raise TokenRequestError("the body is not JSON") from error
    if not isinstance(requested, dict):
        raise TokenRequestError("the body is not an object")
    role, identity, ttl_s = (
        requested.get("role"),
        requested.get("identity"),
        requested.get("ttl_s", 3600),
    )
    if not isinstance(role, str) or not isinstance(identity, str):
        raise TokenRequestError("role and identity must be strings")
    if not isinstance(ttl_s, int) or isinstance(ttl_s, bool):
        raise TokenRequestError("ttl_s must be a whole number")
    return TokenRequest(role=role, identity=identity, ttl_s=ttl_s)


def _problem(status: HTTPStatus, reason: str) -> JsonResponse:
    return JsonResponse(status=status, body={"error": reason})


def serve(
    provider: IdentityProvider, *, host: str, port: int, sign_in: SignIn | None = None
) -> ThreadingHTTPServer:
    """Binds the port; the caller runs and closes the server.

    Args:
        provider: Determines the responses.
        host: Address to listen on.
        port: Port to listen on; 0 for any.
        sign_in: The login page and its codes; None: there is no sign-in.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30  # limit of an idle connection, in seconds

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if sign_in is not None and path == AUTHORIZE:
                self._send_sign_in(sign_in.authorize(query))
                return
            if sign_in is not None and path == DISCOVERY:
                self._respond(JsonResponse(status=HTTPStatus.OK, body=sign_in.discovery()))
                return
            self._respond(provider.get(self.path))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                self.close_connection = True
                self._respond(_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body too large"))
                return
            body = self.rfile.read(int(length))
            if sign_in is not None and self.path == AUTHORIZE:
                self._send_sign_in(sign_in.log_in(body.decode(errors="replace")))
                return
            if sign_in is not None and self.path == CODE_TOKENS:
                self._send_sign_in(sign_in.exchange(body.decode(errors="replace")))
                return
            self._respond(provider.post(self.path, self.headers.get("Authorization", ""), body))

        def _respond(self, response: JsonResponse) -> None:
            encoded = json.dumps(response.body).encode()
            self._send(response.status, "application/json", encoded)

        def _send_sign_in(self, response: LoginPage | Redirect | Tokens) -> None:
            if isinstance(response, Tokens):
                encoded = json.dumps(response.body).encode()
                self._send(
                    response.status, "application/json", encoded, {"Cache-Control": "no-store"}
                )
            elif isinstance(response, Redirect):
                headers = {"Location": response.location, **PAGE_HEADERS}
                self._send(HTTPStatus.SEE_OTHER, "text/plain", b"", headers)
            else:
                targets = " ".join(("'self'", *response.form_targets))
                policy = f"default-src 'none'; form-action {targets}; frame-ancestors 'none'"
                headers = {"Content-Security-Policy": policy, **PAGE_HEADERS}
                self._send(
                    response.status, "text/html; charset=utf-8", response.html.encode(), headers
                )

        def _send(
            self,
            status: HTTPStatus,
            kind: str,
            body: bytes,
            headers: Mapping[str, str] = NO_HEADERS,
        ) -> None:
            self.send_response(status)
            origin = self.headers.get("Origin")
            if sign_in is not None and origin in sign_in.origins:
                self.send_header("Access-Control-Allow-Origin", origin)
                self.send_header("Vary", "Origin")
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - overridden
            # Each gateway worker requests keys: such log lines are of no use.
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # A fleet requests its tokens all at once; the default backlog of 5 resets some.
        request_queue_size = 128

    return Server((host, port), Handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m sim.local_cloud.identity_provider")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument(
        "--key-file",
        type=Path,
        required=True,
        help="RSA key (PEM), created if the file does not exist",
    )
    parser.add_argument("--audience", default=DEFAULT_AUDIENCE, help="aud claim (%(default)s)")
    parser.add_argument(
        "--console-url",
        action="append",
        default=[],
        help="allowed redirect URI of the console's sign-in (may be repeated)",
    )
    parser.epilog = f"The environment variable {SECRET_VARIABLE} is the secret for POST /token."
    args = parser.parse_args(arguments)
    secret = os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        parser.error(f"{SECRET_VARIABLE} is not set")
    url = f"http://{args.host}:{args.port}"
    issuer = TokenIssuer(load_or_create_key(args.key_file), issuer=url, audience=args.audience)
    provider = IdentityProvider(issuer, secret=secret, now_s=time.time)
    console = Client(client_id=CONSOLE_CLIENT_ID, redirect_uris=tuple(args.console_url))
    sign_in = SignIn(
        issuer, [console], now_s=time.time, make_code=lambda: secrets.token_urlsafe(32)
    )
    with serve(provider, host=args.host, port=args.port, sign_in=sign_in) as server:

        def stop(*_: object) -> None:
            # shutdown() waits for serve_forever, which runs on this thread.
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        print(f"identity provider at {url}", file=sys.stderr)
        server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
