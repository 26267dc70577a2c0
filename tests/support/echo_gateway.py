"""A WebSocket API in an emulator that accepts every client and returns its connection id."""

from __future__ import annotations

import io
import uuid
import zipfile

from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

from sim.local_cloud.gateways import Gateways, SocketRoutes, add_socket_routes, create_gateways
from sim.local_cloud.lambdas import ROLE_ARN, RUNTIME
from sim.local_cloud.resources import local_session
from tests.support.ministack_process import REGION

ROUTES = ("$connect", "$disconnect", "$default")
SOURCE = """
def route(event, context):
    return {"statusCode": 200, "body": event["requestContext"]["connectionId"]}

def authorize(event, context):
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "x", "policyDocument": policy}
"""


def create_echo_gateway(endpoint_url: str, socket_endpoint_url: str | None = None) -> Gateways:
    """Creates the API: a client that sends ``{}`` receives its connection id."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", SOURCE)
    session = local_session(REGION)
    functions = session.client("lambda", endpoint_url=endpoint_url)
    suffix = uuid.uuid4().hex[:8]  # there may be several in one emulator
    route, authorize = (
        functions.create_function(
            FunctionName=f"{name}-{suffix}",
            Runtime=RUNTIME,
            Role=ROLE_ARN,
            Handler=f"app.{name}",
            Code={"ZipFile": code.getvalue()},
            Timeout=10,
        )["FunctionArn"]
        for name in ("route", "authorize")
    )
    client = session.client("apigatewayv2", endpoint_url=endpoint_url)
    made = create_gateways(
        client,
        endpoint_url=endpoint_url,
        route_selection="$request.body.action",
        socket_endpoint_url=socket_endpoint_url,
    )
    socket = SocketRoutes(function_arn=route, authorizer_arn=authorize, routes=ROUTES)
    add_socket_routes(client, made.socket_api, region=REGION, socket=socket)
    respond_by_routes(client, made.socket_api)
    return made


def respond_by_routes(client: ApiGatewayV2Client, api: str) -> None:
    """Lets the API send the Lambda's result of a message to its client, unlike our own API."""
    for route in client.get_routes(ApiId=api)["Items"]:
        if route["RouteKey"] not in ("$connect", "$disconnect"):
            client.create_route_response(
                ApiId=api, RouteId=route["RouteId"], RouteResponseKey="$default"
            )
