"""What WebSocket gateways do with handshakes and messages: ministack's and ours.

Where ministack differs from API Gateway, only ours is tested; docs/decisions/0031 lists that.
"""

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sim.local_cloud.gateways import Gateways, SocketRoutes, add_socket_routes, create_gateways
from sim.local_cloud.lambdas import ROLE_ARN, RUNTIME
from sim.local_cloud.resources import ACCESS_KEY_ID, SECRET_ACCESS_KEY, local_session
from tests.support.echo_gateway import respond_by_routes
from tests.support.ministack_process import REGION
from tests.support.socket_gateway_process import running_socket_gateway
from tests.support.waiting import SHORT_DEADLINE_S, eventually

WORKERS_PER_FUNCTION = 4
NO_ONES = "JKJbWfMPLAMCJ1Q="
ROUTES = ("$connect", "$disconnect", "wait", "fail", "whoami", "$default")
SOURCE = """
import json, os, pathlib, sys, time

def route(event, context):
    print("a line", file=sys.stderr)
    request = event["requestContext"]
    if request["routeKey"] == "$disconnect":
        folder = request["authorizer"]["folder"]
        (pathlib.Path(folder) / request["connectionId"]).write_text(json.dumps(event))
    if request["routeKey"] == "fail":
        raise ValueError("broken")
    if request["routeKey"] == "wait":
        folder = pathlib.Path(json.loads(event["body"])["folder"])
        (folder / "begun").touch()
        while not (folder / "go").exists():
            time.sleep(0.05)
    if (event.get("queryStringParameters") or {}).get("as") == "one too many":
        return {"statusCode": 429}
    return {"statusCode": 200, "body": json.dumps({"pid": os.getpid(), "event": event})}

def authorize(event, context):
    query = event["queryStringParameters"] or {}
    requested = query.get("as", "")
    if requested in ("Unauthorized", "broken"):
        raise Exception(requested)
    effect = "Deny" if requested == "denied" else "Allow"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    known = {"role": "customer", "expires_at": 17, "folder": query.get("folder", "/tmp")}
    return {"principalId": "x", "policyDocument": policy, "context": known}
"""
BOTH = pytest.mark.parametrize("of", ["ministack", "ours"])
OURS = pytest.mark.parametrize("of", ["ours"])


@pytest.fixture(scope="module")
def apis(
    aws_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Gateways]]:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", SOURCE)
    session = local_session(REGION)
    functions = session.client("lambda", endpoint_url=aws_endpoint)
    arns = [
        functions.create_function(
            FunctionName=f"contract-{name}",
            Runtime=RUNTIME,
            Role=ROLE_ARN,
            Handler=f"app.{name}",
            Code={"ZipFile": code.getvalue()},
            Timeout=120,
        )["FunctionArn"]
        for name in ("route", "authorize")
    ]
    client = session.client("apigatewayv2", endpoint_url=aws_endpoint)
    with running_socket_gateway(aws_endpoint, tmp_path_factory.mktemp("socket-gateway")) as url:
        made = {}
        for of, sockets_url in (("ministack", None), ("ours", url)):
            made[of] = create_gateways(
                client,
                endpoint_url=aws_endpoint,
                route_selection="$request.body.action",
                socket_endpoint_url=sockets_url,
            )
            socket = SocketRoutes(function_arn=arns[0], authorizer_arn=arns[1], routes=ROUTES)
            add_socket_routes(client, made[of].socket_api, region=REGION, socket=socket)
            respond_by_routes(client, made[of].socket_api)
        yield made


@pytest.fixture
def gateways(apis: dict[str, Gateways], of: str) -> Gateways:
    return apis[of]


def management(gateways: Gateways, **credentials: Any) -> Any:
    return local_session(REGION).client(
        "apigatewaymanagementapi", endpoint_url=gateways.management_url, **credentials
    )


async def send_request(socket: ClientConnection, **message: str) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    async with asyncio.timeout(SHORT_DEADLINE_S):
        response: dict[str, Any] = json.loads(await socket.recv())
    return response


async def rejection(gateways: Gateways, requested: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{gateways.websocket_url}?{urlencode({'as': requested})}")
    response = caught.value.response
    return response.status_code, json.loads(response.body or b"{}")


@BOTH
@pytest.mark.parametrize(
    ("requested", "status", "message"),
    [
        ("denied", 403, "User is not authorized to access this resource with an explicit deny"),
        ("broken", 500, ""),
    ],
)
async def test_a_socket_is_rejected_if_its_authorizer_denies_or_fails(
    gateways: Gateways, requested: str, status: int, message: str
) -> None:
    responded, body = await rejection(gateways, requested)

    assert responded == status
    assert body["message"].startswith(message)
    assert {"connectionId", "requestId"} < body.keys()


@OURS
async def test_an_unauthorized_error_of_the_authorizer_causes_a_401(
    gateways: Gateways,
) -> None:
    responded, body = await rejection(gateways, "Unauthorized")

    assert (responded, body["message"]) == (401, "Unauthorized")


@OURS
async def test_a_socket_that_connect_rejects_is_rejected_with_its_status(
    gateways: Gateways,
) -> None:
    assert (await rejection(gateways, "one too many"))[0] == 429


@BOTH
async def test_a_message_takes_the_route_in_its_action_with_the_authorizers_context(
    gateways: Gateways,
) -> None:
    async with connect(gateways.websocket_url) as socket:
        event = (await send_request(socket, action="whoami", more="x"))["event"]

    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("whoami", "MESSAGE")
    assert context["authorizer"]["role"] == "customer"
    assert context["authorizer"]["expires_at"] == "17"
    assert context["authorizer"]["principalId"] == "x"
    assert json.loads(event["body"]) == {"action": "whoami", "more": "x"}


@BOTH
@pytest.mark.parametrize("message", ["no JSON", "{}", '{"action":"unheard-of"}', "[]", "7"])
async def test_a_frame_without_a_known_route_takes_the_default_route(
    gateways: Gateways, message: str
) -> None:
    async with connect(gateways.websocket_url) as socket:
        await socket.send(message)
        response = json.loads(await socket.recv())

    assert response["event"]["requestContext"]["routeKey"] == "$default"


@OURS
@pytest.mark.parametrize(
    "message",
    ['{"action":' + "[" * 10_000 + "]" * 10_000 + "}", '{"action":"$connect"}'],
    ids=["too deep", "not a client's"],
)
async def test_a_frame_whose_action_is_invalid_or_reserved_takes_the_default_route(
    gateways: Gateways, message: str
) -> None:
    async with connect(gateways.websocket_url) as socket:
        await socket.send(message)
        response = json.loads(await socket.recv())

    assert response["event"]["requestContext"]["routeKey"] == "$default"


@OURS
async def test_a_slow_handler_delays_no_other_socket(gateways: Gateways, tmp_path: Any) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    async with connect(gateways.websocket_url) as slow, connect(gateways.websocket_url) as other:
        await slow.send(json.dumps({"action": "wait", "folder": str(tmp_path)}))
        await asyncio.to_thread(eventually, begun.exists)
        try:
            response = await send_request(other, action="whoami")  # before the slow one may go on
        finally:
            go.touch()
        slow_response = json.loads(await slow.recv())

    assert response["pid"] != slow_response["pid"]


@OURS
async def test_many_concurrent_messages_share_a_few_processes(gateways: Gateways) -> None:
    async def one() -> int:
        async with connect(gateways.websocket_url) as socket:
            return int((await send_request(socket, action="whoami"))["pid"])

    pids = set(await asyncio.gather(*(one() for _ in range(40))))

    assert len(pids) <= WORKERS_PER_FUNCTION


@OURS
async def test_an_error_of_a_handler_is_reported_only_to_its_client(gateways: Gateways) -> None:
    async with connect(gateways.websocket_url) as socket, connect(gateways.websocket_url) as other:
        reported = await send_request(socket, action="fail")
        response = await send_request(other, action="whoami")

    assert reported["message"] == "Internal server error"
    assert {"connectionId", "requestId"} < reported.keys()
    assert "event" in response


@OURS
async def test_a_handlers_standard_output_is_in_its_log(
    gateways: Gateways, aws_endpoint: str
) -> None:
    async with connect(gateways.websocket_url) as socket:
        await send_request(socket, action="whoami")
    logs = local_session(REGION).client("logs", endpoint_url=aws_endpoint)

    def is_there() -> bool:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/contract-route")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return "a line" in {event["message"].strip() for event in found}

    assert await asyncio.to_thread(eventually, is_there)


@OURS
async def test_the_end_of_a_socket_is_reported_with_the_clients_code(
    gateways: Gateways, tmp_path: Any
) -> None:
    url = f"{gateways.websocket_url}?{urlencode({'folder': str(tmp_path)})}"
    async with connect(url) as socket:
        event = (await send_request(socket, action="whoami"))["event"]
        await socket.close(4001, "enough")
    reported = tmp_path / event["requestContext"]["connectionId"]
    await asyncio.to_thread(eventually, lambda: reported.exists() and reported.read_text())

    context = json.loads(reported.read_text())["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$disconnect", "DISCONNECT")
    assert context["disconnectStatusCode"] == 4001


@BOTH
async def test_a_deleted_connection_is_closed_and_posts_to_it_are_410(gateways: Gateways) -> None:
    client = management(gateways)
    async with connect(gateways.websocket_url) as socket:
        context = (await send_request(socket, action="whoami"))["event"]["requestContext"]
        name = context["connectionId"]
        deleted = await asyncio.to_thread(client.delete_connection, ConnectionId=name)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(SHORT_DEADLINE_S):
                await socket.recv()
        with pytest.raises(ClientError) as gone:
            await asyncio.to_thread(client.post_to_connection, ConnectionId=name, Data=b"x")

    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert gone.value.response["Error"]["Code"] == "GoneException"
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


@OURS
async def test_a_connections_details_can_be_read(gateways: Gateways) -> None:
    client = management(gateways)
    async with connect(gateways.websocket_url) as socket:
        context = (await send_request(socket, action="whoami"))["event"]["requestContext"]
        reported = await asyncio.to_thread(
            client.get_connection, ConnectionId=context["connectionId"]
        )

    assert reported["Identity"]["SourceIp"] == "127.0.0.1"
    assert abs(reported["ConnectedAt"].timestamp() * 1_000 - context["connectedAt"]) <= 1
    assert reported["LastActiveAt"] >= reported["ConnectedAt"]


@OURS
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (
            {"aws_access_key_id": "another", "aws_secret_access_key": SECRET_ACCESS_KEY},
            "UnrecognizedClientException",
        ),
        (
            {"aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": "another"},
            "InvalidSignatureException",
        ),
        ({"region_name": "us-west-1"}, "InvalidSignatureException"),
    ],
)
async def test_a_client_that_does_not_sign_correctly_may_not_post(
    gateways: Gateways, changed: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as rejected:
        await asyncio.to_thread(
            management(gateways, **changed).post_to_connection, ConnectionId=NO_ONES, Data=b"x"
        )

    assert rejected.value.response["Error"]["Code"] == code
    assert rejected.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@OURS
async def test_an_impossible_connection_id_is_a_bad_request(gateways: Gateways) -> None:
    with pytest.raises(ClientError, match="Invalid connectionId: nonsense") as rejected:
        await asyncio.to_thread(
            management(gateways).post_to_connection, ConnectionId="nonsense", Data=b"x"
        )

    assert rejected.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
