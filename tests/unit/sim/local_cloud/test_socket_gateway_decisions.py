"""The decisions of the local WebSocket gateway, without a socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from deploy.capacity.facts import read_facts
from sim.local_cloud.socket_gateway import events
from sim.local_cloud.socket_gateway.admission import (
    DENIED,
    NOT_ALLOWED,
    SERVER_ERROR,
    UNAUTHORIZED,
    HandshakeFailure,
    evaluate_connect,
    evaluate_policy,
    has_identity_sources,
)
from sim.local_cloud.socket_gateway.definitions import (
    Api,
    FunctionError,
    Route,
    function_arn_of,
)
from sim.local_cloud.socket_gateway.events import Connection, Handshake
from sim.local_cloud.socket_gateway.http_head import BadRequestError, Head, read_head
from sim.local_cloud.socket_gateway.rates import TokenBucket
from sim.local_cloud.socket_gateway.settings import FRAME_BYTES, MESSAGE_BYTES, Settings
from sim.local_cloud.socket_gateway.signature import SignatureCheck, Unsigned
from tests.support.source_tree import ROOT

KEY, SECRET, REGION = "AKIAIOSFODNN7EXAMPLE", "secret", "eu-west-1"
URL = "http://127.0.0.1:4567/_aws/execute-api/abc/live/@connections/L0SM9cOFvHcCIhw%3D"
METHOD_ARN = "arn:aws:execute-api:eu-central-1:123456789012:f6g7h8i9j0/live/$connect"
CONNECTION = Connection(
    connection_id="JKJbWfMPLAMCJ1Q=",
    api_id="f6g7h8i9j0",
    stage="live",
    domain="f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com",
    connected_at_ms=1795503059871,
    source_ip="203.0.113.7",
    user_agent="Mozilla/5.0",
)
CONTEXT = {
    "expires_at": "1795506600",
    "identity": "C-88",
    "principalId": "customer:C-88",
    "integrationLatency": "21",
    "role": "customer",
}
TAKEN_AT_MS = 1795503060121
REQUEST_ID = "JKJbYHfMPLAMFXw="


def documented(name: str) -> Any:
    return json.loads((ROOT / "tests" / "events" / f"socket_{name}.json").read_text())


def handshake(event: Any) -> Handshake:
    forwarded = ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")
    headers = tuple((k, v) for k, v in event["headers"].items() if k not in forwarded)
    query = "&".join(f"{k}={v}" for k, v in (event.get("queryStringParameters") or {}).items())
    return Handshake(headers=headers, query=query, source_ip="203.0.113.7")


def context(route: str, authorizer: dict[str, str] | None = None) -> dict[str, Any]:
    return CONNECTION.context(
        route, request_id=REQUEST_ID, now_ms=TAKEN_AT_MS, authorizer=authorizer
    )


@pytest.mark.parametrize("name", ["authorize_by_token", "authorize_by_ticket"])
def test_an_authorizers_event_is_the_documented_one(name: str) -> None:
    expected = documented(name)

    made = events.authorizer_event(
        context("$connect"), handshake(expected), method_arn=METHOD_ARN, stage_variables={}
    )

    assert made == expected


def test_the_event_of_connect_is_the_documented_one() -> None:
    expected = documented("connect")

    assert events.connect_event(context("$connect", CONTEXT), handshake(expected)) == expected


def test_the_event_of_disconnect_is_the_documented_one() -> None:
    made = events.disconnect_event(
        context("$disconnect", CONTEXT), domain=CONNECTION.domain, code=1001, reason="Going away"
    )

    assert made == documented("disconnect")


@pytest.mark.parametrize("name", ["track", "untrack", "ping", "default"])
def test_a_messages_event_is_the_documented_one(name: str) -> None:
    expected = documented(name)
    route = expected["requestContext"]["routeKey"]

    made = events.message_event(context(route, CONTEXT), expected["body"], "JKJbYeREPLAMTAw=")

    assert made == expected


def signed(
    method: str = "POST", url: str = URL, body: bytes = b"{}", **changed: str
) -> tuple[Head, float]:
    """Returns a request as botocore signs it, and the time of the signature in seconds."""
    request = AWSRequest(method, url, data=body, headers={"Content-Type": "application/json"})
    request.headers["X-Amz-Date"] = "ignored"
    credentials = Credentials(changed.get("key", KEY), changed.get("secret", SECRET))
    SigV4Auth(credentials, "execute-api", changed.get("region", REGION)).add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = url.partition(":4567")[2]
    at_s = _epoch_s(headers["x-amz-date"])
    return Head(method, path, {"host": "127.0.0.1:4567", **headers}, 0), at_s


def _epoch_s(timestamp: str) -> float:
    from datetime import UTC, datetime

    return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("query", ["", "?b=2&a=1"])
def test_a_signature_made_by_botocore_is_valid(method: str, query: str) -> None:
    check = SignatureCheck(KEY, SECRET, REGION)
    head, at_s = signed(method, URL + query)

    assert check.problem(head, b"{}", at_s) is None
    assert check.problem(head, b"{}", at_s + 299) is None


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"key": "another"}, Unsigned.UNKNOWN_KEY),
        ({"secret": "another"}, Unsigned.WRONG),
        ({"region": "us-west-1"}, Unsigned.WRONG),
    ],
)
def test_a_signature_with_another_key_secret_or_region_is_invalid(
    changed: dict[str, Any], problem: Unsigned
) -> None:
    head, at_s = signed(**changed)

    assert SignatureCheck(KEY, SECRET, REGION).problem(head, b"{}", at_s) is problem


def test_the_signature_of_a_changed_or_old_request_is_invalid() -> None:
    check = SignatureCheck(KEY, SECRET, REGION)
    head, at_s = signed()

    assert check.problem(head, b"{ }", at_s) is Unsigned.WRONG
    assert check.problem(head._replace(target=head.target + "x"), b"{}", at_s) is Unsigned.WRONG
    assert check.problem(head._replace(method="DELETE"), b"{}", at_s) is Unsigned.WRONG
    assert check.problem(head, b"{}", at_s + 301) is Unsigned.WRONG


def test_a_missing_and_an_incomplete_signature_are_distinguished() -> None:
    check = SignatureCheck(KEY, SECRET, REGION)
    head, at_s = signed()
    bare = {name: head.headers[name] for name in ("host", "x-amz-date")}

    assert check.problem(head._replace(headers=bare), b"{}", at_s) is Unsigned.MISSING
    broken = head._replace(headers={**bare, "authorization": "Bearer x"})
    assert check.problem(broken, b"{}", at_s) is Unsigned.INCOMPLETE


def test_the_default_limits_are_those_of_aws() -> None:
    quotas = read_facts().limits
    defaults = Settings.without_aws(
        region=REGION,
        access_key_id=KEY,
        secret_access_key=SECRET,
    )

    assert defaults.requests_per_s == quotas["api_gateway_requests"].value
    assert defaults.request_burst == quotas["api_gateway_burst"].value
    assert defaults.connects_per_s == quotas["websocket_connects"].value
    assert (defaults.idle_s, defaults.life_s) == (10 * 60, 2 * 3_600)
    assert (FRAME_BYTES, MESSAGE_BYTES) == (32 * 1_024, 128 * 1_024)


def test_a_token_bucket_allows_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket(per_s=2, burst=3)

    assert [bucket.try_acquire(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.try_acquire(10.5) for _ in range(2)] == [True, False]
    assert [bucket.try_acquire(100.0) for _ in range(4)] == [True, True, True, False]


def test_a_request_head_is_read_only_when_it_is_complete() -> None:
    text = b"POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length:  12 \r\n\r\n"

    assert read_head(text[:-1]) is None
    head = read_head(text + b"body")
    assert head is not None
    assert (head.method, head.path, head.headers["host"]) == ("POST", "/a", "h")
    assert (head.length, head.body_length) == (len(text), 12)


@pytest.mark.parametrize(
    "text",
    [b"nonsense\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"x" * 20_000, b"GET / HTTP/1.1\r\nx\r\n\r\n"],
)
def test_a_malformed_request_head_is_rejected(text: bytes) -> None:
    with pytest.raises(BadRequestError):
        read_head(text)


@pytest.mark.parametrize(
    "header", [b"Content-Length: -1", b"Content-Length: 99999999999", b"Transfer-Encoding: chunked"]
)
def test_a_body_without_a_plain_length_is_rejected(header: bytes) -> None:
    head = read_head(b"POST / HTTP/1.1\r\n" + header + b"\r\n\r\n")
    assert head is not None

    with pytest.raises(BadRequestError):
        _ = head.body_length


ROUTE = Route(function_arn="arn:f")


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ('{"action":"track"}', "track"),
        ('{"action":"other"}', "$default"),
        ('{"action":"$connect"}', "$default"),
        ('{"action":"$disconnect"}', "$default"),
        ('{"action":{"track":1}}', "$default"),
        ('{"action":null}', "$default"),
        ("[]", "$default"),
        ("no JSON", "$default"),
        ('{"action":' + "[" * 10_000, "$default"),
    ],
)
def test_a_message_takes_the_route_in_its_action_or_the_default_route(
    message: str, key: str
) -> None:
    api = Api(
        api_id="a",
        account="1",
        region=REGION,
        selection="$request.body.action",
        stages={"live": {}},
        routes=dict.fromkeys(("$connect", "$disconnect", "track", "$default"), ROUTE),
    )

    assert api.route_key(message) == key


def test_an_integrations_uri_names_its_function() -> None:
    arn = "arn:aws:lambda:eu-west-1:1:function:f"
    uri = f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations"

    assert function_arn_of(uri) == function_arn_of(arn) == arn


def policy(effect: str, resource: str = METHOD_ARN, **more: Any) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"principalId": "p", "policyDocument": {"Statement": [statement]}, **more}


@pytest.mark.parametrize(
    ("response", "rejection"),
    [
        (policy("Deny"), DENIED),
        (policy("Allow", "arn:aws:execute-api:*:*:other/*"), NOT_ALLOWED),
        (policy("Allow", context=[1]), SERVER_ERROR),
        ({"principalId": "p"}, SERVER_ERROR),
        (FunctionError("Unauthorized"), UNAUTHORIZED),
        (FunctionError("unauthorized"), SERVER_ERROR),
    ],
)
def test_an_authorizers_response_that_does_not_allow_is_a_rejection(
    response: Any, rejection: HandshakeFailure
) -> None:
    assert evaluate_policy(response, METHOD_ARN) == rejection


def test_an_authorizers_context_is_passed_on_as_text() -> None:
    response = policy("Allow", METHOD_ARN.replace("$connect", "*"), context={"n": 17, "b": True})

    assert evaluate_policy(response, METHOD_ARN) == {"n": "17", "b": "true", "principalId": "p"}


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ({"statusCode": 200}, None),
        (None, None),
        ({"statusCode": "204"}, None),
        ({"statusCode": 429}, 429),
        ({"statusCode": "x"}, 502),
        (FunctionError("broken"), 502),
    ],
)
def test_the_response_of_connect_accepts_or_rejects_the_socket(
    response: Any, status: int | None
) -> None:
    rejection = evaluate_connect(response)

    assert (rejection and rejection.status) == status


def test_an_authorizer_with_identity_sources_is_not_invoked_without_them() -> None:
    sources = ("route.request.header.Authorization", "route.request.querystring.q")

    assert has_identity_sources(sources, {"authorization": "x"}, "q=1", {})
    assert not has_identity_sources(sources, {"authorization": "x"}, "", {})
    assert not has_identity_sources(sources, {}, "q=1", {})
    assert has_identity_sources((), {}, "", {})


def test_the_lambda_worker_imports_only_what_a_lambdas_process_has() -> None:
    source = Path(ROOT / "sim/local_cloud/socket_gateway/lambda_worker.py").read_text()

    assert "sim." not in source.replace("sim.local_cloud", "")
    assert "import boto3" not in source
