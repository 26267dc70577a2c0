"""The corrections that the local cloud makes to ministack, at its sockets."""

import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sim.local_cloud.gateways import Gateways, SocketRoutes, add_socket_routes, create_gateways
from sim.local_cloud.lambdas import ROLE_ARN, RUNTIME
from sim.local_cloud.resources import local_session
from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import REGION
from tests.support.waiting import eventually

WORKERS_A_FUNCTION = 4
PATIENT_S = 60.0
"""Longer than any answer takes, on whatever machine."""
ROUTES = ("$connect", "$disconnect", "wait", "whoami", "$default")
SOURCE = """
import json, os, pathlib, sys, time

def route(event, context):
    print("a line", file=sys.stderr)
    if event["requestContext"]["routeKey"] == "wait":
        folder = pathlib.Path(json.loads(event["body"])["folder"])
        (folder / "begun").touch()
        while not (folder / "go").exists():
            time.sleep(0.05)
    if (event.get("queryStringParameters") or {}).get("as") == "one too many":
        return {"statusCode": 429}
    who = {"pid": os.getpid(), "authorizer": event["requestContext"].get("authorizer")}
    who["route"] = event["requestContext"]["routeKey"]
    return {"statusCode": 200, "body": json.dumps(who)}

def authorize(event, context):
    asked = (event["queryStringParameters"] or {}).get("as", "")
    if asked in ("Unauthorized", "broken"):
        raise Exception(asked)
    effect = "Deny" if asked == "denied" else "Allow"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "x", "policyDocument": policy, "context": {"role": "customer"}}
"""


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", SOURCE)
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        session = local_session(REGION)
        functions = session.client("lambda", endpoint_url=url)
        arns = [
            functions.create_function(
                FunctionName=name,
                Runtime=RUNTIME,
                Role=ROLE_ARN,
                Handler=f"app.{name}",
                Code={"ZipFile": code.getvalue()},
                Timeout=120,
            )["FunctionArn"]
            for name in ("route", "authorize")
        ]
        client = session.client("apigatewayv2", endpoint_url=url)
        made = create_gateways(client, endpoint_url=url, route_selection="$request.body.action")
        socket = SocketRoutes(function_arn=arns[0], authorizer_arn=arns[1], routes=ROUTES)
        add_socket_routes(client, made.socket_api, region=REGION, socket=socket)
        yield made


def refusal(gateways: Gateways, asked: str) -> int:
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(f"{gateways.websocket_url}?{urlencode({'as': asked})}"),
    ):
        pass
    return caught.value.response.status_code


def test_an_authorizer_that_says_unauthorized_is_answered_with_401(gateways):
    assert refusal(gateways, "Unauthorized") == 401


def test_a_denial_stays_403_and_a_broken_authorizer_500(gateways):
    assert refusal(gateways, "denied") == 403
    assert refusal(gateways, "broken") == 500


def test_a_socket_that_connect_refuses_is_refused_with_its_status(gateways):
    assert refusal(gateways, "one too many") == 429


def test_the_authorizers_context_comes_with_every_message(gateways):
    with connect(gateways.websocket_url) as socket:
        socket.send(json.dumps({"action": "whoami"}))
        answer = json.loads(socket.recv(timeout=PATIENT_S))

    assert answer["authorizer"]["role"] == "customer"


def test_a_slow_handler_delays_nobody_elses(gateways, tmp_path):
    begun, go = tmp_path / "begun", tmp_path / "go"
    with connect(gateways.websocket_url) as slow, connect(gateways.websocket_url) as other:
        slow.send(json.dumps({"action": "wait", "folder": str(tmp_path)}))
        eventually(begun.exists)
        other.send(json.dumps({"action": "whoami"}))
        try:
            answer = json.loads(other.recv(timeout=PATIENT_S))  # before the slow one may go on
        finally:
            go.touch()
        slow_answer = json.loads(slow.recv(timeout=PATIENT_S))

    assert answer["pid"] != slow_answer["pid"]


def test_a_crowd_waits_its_turn_on_a_few_processes(gateways):
    def ask(_: int) -> int:
        with connect(gateways.websocket_url) as socket:
            socket.send(json.dumps({"action": "whoami"}))
            pid: int = json.loads(socket.recv(timeout=PATIENT_S))["pid"]
            return pid

    with ThreadPoolExecutor(20) as crowd:
        pids = set(crowd.map(ask, range(40)))

    assert len(pids) <= WORKERS_A_FUNCTION


def test_a_message_nested_too_deep_goes_to_the_default_route(gateways):
    with connect(gateways.websocket_url) as socket:
        socket.send('{"action":' + "[" * 10_000 + "]" * 10_000 + "}")
        answer = json.loads(socket.recv(timeout=PATIENT_S))

    assert answer["route"] == "$default"


def test_what_a_handler_writes_for_a_socket_is_in_its_log(gateways):
    with connect(gateways.websocket_url) as socket:
        socket.send(json.dumps({"action": "whoami"}))
        socket.recv(timeout=PATIENT_S)
    endpoint = gateways.management_url.partition("/_aws/")[0]
    logs = local_session(REGION).client("logs", endpoint_url=endpoint)

    found = logs.filter_log_events(logGroupName="/aws/lambda/route")["events"]

    assert "a line" in {event["message"].strip() for event in found}
