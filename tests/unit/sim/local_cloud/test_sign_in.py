"""The local identity provider's sign-in: authorization code with PKCE, and what it rejects."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import count
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from jwt.types import Options

from sim.local_cloud.identity_provider import IdentityProvider, serve
from sim.local_cloud.sign_in import (
    CODE_TTL_S,
    MAX_CODES,
    SESSION_TTL_S,
    Client,
    LoginPage,
    Redirect,
    SignIn,
    challenge_of,
)
from sim.local_cloud.token_issuer import TokenIssuer
from tests.support.rsa_keys import rsa_key

ISSUER = "http://127.0.0.1:8099"
PAGE = "http://127.0.0.1:8090/console.html"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
PARAMETERS = {
    "response_type": "code",
    "client_id": "rtdts-console",
    "redirect_uri": PAGE,
    "scope": "openid",
    "state": "the state",
    "nonce": "the nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class World:
    def __init__(self) -> None:
        self.now_s = 1_795_500_000.0
        self.codes = (f"code-{number}" for number in count(1))
        self.issuer = TokenIssuer(rsa_key(), issuer=ISSUER, audience="rtdts")
        self.sign_in = SignIn(
            self.issuer,
            [Client(client_id="rtdts-console", redirect_uris=(PAGE,))],
            now_s=lambda: self.now_s,
            make_code=lambda: next(self.codes),
        )

    def code(self) -> str:
        response = self.sign_in.log_in(urlencode({**PARAMETERS, "identity": "ann"}))
        assert isinstance(response, Redirect)
        return parse_qs(urlsplit(response.location).query)["code"][0]

    def exchange(self, code: str, **changed: str):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "rtdts-console",
            "redirect_uri": PAGE,
            "code_verifier": VERIFIER,
        }
        return self.sign_in.exchange(urlencode({**form, **changed}))


@pytest.fixture
def world() -> World:
    return World()


def claims_of(token: str, audience: str) -> dict[str, object]:
    options: Options = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(token, rsa_key().public_key(), ["RS256"], audience=audience, options=options)


def test_the_challenge_is_the_one_in_the_rfcs_example() -> None:
    assert challenge_of(VERIFIER) == CHALLENGE


def test_a_code_is_exchanged_for_a_dispatchers_token_with_the_requests_nonce(world: World) -> None:
    response = world.exchange(world.code())

    assert response.status == 200
    assert response.body["token_type"] == "Bearer"
    assert response.body["expires_in"] == SESSION_TTL_S
    access = claims_of(response.body["access_token"], "rtdts")
    assert (access["role"], access["sub"]) == ("dispatcher", "ann")
    identity = claims_of(response.body["id_token"], "rtdts-console")
    assert (identity["nonce"], identity["sub"], identity["iss"]) == ("the nonce", "ann", ISSUER)


def test_the_login_redirects_to_the_page_with_code_and_state(world: World) -> None:
    response = world.sign_in.log_in(urlencode({**PARAMETERS, "identity": "ann"}))

    assert isinstance(response, Redirect)
    assert response.location == f"{PAGE}?code=code-1&state=the+state"


def test_a_code_is_valid_once(world: World) -> None:
    code = world.code()

    assert world.exchange(code).status == 200
    assert world.exchange(code).body == {"error": "invalid_grant"}


def test_a_code_is_invalid_after_a_wrong_verifier(world: World) -> None:
    code = world.code()

    assert world.exchange(code, code_verifier="x" * 43).body == {"error": "invalid_grant"}
    assert world.exchange(code).body == {"error": "invalid_grant"}


def test_a_code_expires(world: World) -> None:
    code = world.code()
    world.now_s += CODE_TTL_S

    assert world.exchange(code).body == {"error": "invalid_grant"}


def test_the_oldest_code_is_dropped_beyond_the_maximum_number(world: World) -> None:
    codes = [world.code() for _ in range(MAX_CODES + 1)]

    assert world.exchange(codes[0]).status == 400
    assert world.exchange(codes[1]).status == 200
    assert world.exchange(codes[-1]).status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"redirect_uri": f"{PAGE}?more"},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"code_verifier": "é" * 43},
        {"code": "another"},
    ],
)
def test_an_exchange_that_does_not_match_the_request_of_its_code_is_rejected(
    world: World, changed: dict[str, str]
) -> None:
    code = changed.pop("code", world.code())

    assert world.exchange(code, **changed).body == {"error": "invalid_grant"}


def test_no_other_grant_type_is_supported(world: World) -> None:
    assert world.exchange(world.code(), grant_type="password").body == {
        "error": "unsupported_grant_type"
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://attacker.example/"},
        {"redirect_uri": f"{PAGE}/../x"},
        {"redirect_uri": f"{PAGE}#x"},
        {"redirect_uri": ""},
    ],
)
def test_a_client_or_redirect_uri_that_is_not_allowed_is_not_redirected(
    world: World, changed: dict[str, str]
) -> None:
    requested = urlencode({**PARAMETERS, "identity": "ann", **changed})

    for response in (world.sign_in.authorize(requested), world.sign_in.log_in(requested)):
        assert isinstance(response, LoginPage)
        assert response.status == 400
        assert "attacker" not in response.html


def test_a_request_with_two_redirect_uris_is_rejected(world: World) -> None:
    response = world.sign_in.authorize(
        f"{urlencode(PARAMETERS)}&redirect_uri=https://attacker.example/"
    )

    assert isinstance(response, LoginPage)
    assert response.status == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"state": ""}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
    ],
)
def test_a_request_without_state_nonce_or_challenge_gets_no_code(
    world: World, changed: dict[str, str], error: str
) -> None:
    requested = urlencode({**PARAMETERS, "identity": "ann", **changed})

    for response in (world.sign_in.authorize(requested), world.sign_in.log_in(requested)):
        assert isinstance(response, Redirect)
        assert parse_qs(urlsplit(response.location).query)["error"] == [error]
        assert "code=" not in response.location


@pytest.mark.parametrize("name", ["", " ", "<b>", "a" * 65])
def test_a_login_without_a_valid_name_is_rejected(world: World, name: str) -> None:
    response = world.sign_in.log_in(urlencode({**PARAMETERS, "identity": name}))

    assert isinstance(response, LoginPage)
    assert response.status == 400
    assert "<b>" not in response.html


def test_the_login_page_escapes_the_requests_parameters(world: World) -> None:
    response = world.sign_in.authorize(
        urlencode({**PARAMETERS, "state": '"><script>alert(1)</script>'})
    )

    assert isinstance(response, LoginPage)
    assert "<script" not in response.html
    assert response.form_targets == ("http://127.0.0.1:8090",)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture
def url(world: World) -> Iterator[str]:
    provider = IdentityProvider(world.issuer, secret="s", now_s=lambda: world.now_s)
    with serve(provider, host="127.0.0.1", port=0, sign_in=world.sign_in) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def call(url: str, data: bytes | None = None, origin: str = "http://127.0.0.1:8090"):
    request = urllib.request.Request(url, data, {"Origin": origin})  # noqa: S310 - our own
    try:
        return urllib.request.build_opener(_NoRedirect).open(request, timeout=10)
    except urllib.error.HTTPError as error:
        return error


def test_a_browser_signs_in_and_gets_tokens_with_security_headers(url: str) -> None:
    with call(f"{url}/authorize?{urlencode(PARAMETERS)}") as page:
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'; form-action 'self' http://127.0.0.1:8090;" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["Cache-Control"] == "no-store"
    with call(f"{url}/authorize", urlencode({**PARAMETERS, "identity": "ann"}).encode()) as back:
        assert back.status == 303
        assert back.headers["Location"].startswith(PAGE)
        assert back.headers["Referrer-Policy"] == "no-referrer"
    form = {
        "grant_type": "authorization_code",
        "code": "code-1",
        "client_id": "rtdts-console",
        "redirect_uri": PAGE,
        "code_verifier": VERIFIER,
    }
    with call(f"{url}/oauth2/token", urlencode(form).encode()) as tokens:
        assert tokens.status == 200
        assert tokens.headers["Cache-Control"] == "no-store"
        assert tokens.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8090"


def test_discovery_names_the_endpoints_of_the_code_flow(url: str) -> None:
    with call(f"{url}/.well-known/openid-configuration") as response:
        found = json.load(response)
        assert response.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8090"

    assert found["issuer"] == ISSUER
    assert found["authorization_endpoint"] == f"{ISSUER}/authorize"
    assert found["token_endpoint"] == f"{ISSUER}/oauth2/token"
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_a_page_of_another_origin_may_not_read_tokens(url: str) -> None:
    for path in ("/oauth2/token", "/token"):
        with call(f"{url}{path}", b"x=1", origin="https://attacker.example") as response:
            assert "Access-Control-Allow-Origin" not in response.headers
