"""The two APIs: an HTTP API with a JWT authorizer, and a WebSocket API with our own authorizer.

They are created in two steps, because the Lambdas need the URL to post to sockets, and the routes
need the Lambdas. So the order is: the APIs, then the Lambdas, then the routes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from deploy.preflight import METHODS, PREFLIGHT_CACHED_S, REQUEST_HEADERS, RESPONSE_HEADERS

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_apigatewayv2.type_defs import CorsTypeDef, CreateRouteRequestTypeDef

HTTP_STAGE: Final = "$default"
SOCKET_STAGE: Final = "live"
CONNECT: Final = "$connect"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gateways:
    """The two APIs and their URLs.

    Attributes:
        http_api: Id of the HTTP API.
        socket_api: Id of the WebSocket API.
        server_url: Base URL of the HTTP API.
        websocket_url: Where sockets connect.
        management_url: Where messages to sockets are posted.
    """

    http_api: str
    socket_api: str
    server_url: str
    websocket_url: str
    management_url: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class HttpRoutes:
    """The routes that one Lambda handles: method and path of each.

    Attributes:
        function_arn: The Lambda.
        routes: Those behind the JWT authorizer.
        open_routes: Those without it.
    """

    function_arn: str
    routes: Sequence[tuple[str, str]]
    open_routes: Sequence[tuple[str, str]] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SocketRoutes:
    """The route keys of the WebSocket API, their Lambdas, and the authorizer of ``$connect``."""

    function_arn: str
    authorizer_arn: str
    routes: Sequence[str]


def create_gateways(
    client: ApiGatewayV2Client,
    *,
    endpoint_url: str,
    route_selection: str,
    allowed_origins: Sequence[str] = (),
    socket_endpoint_url: str | None = None,
) -> Gateways:
    """Creates both APIs, without routes yet.

    Args:
        client: The local cloud's API Gateway.
        endpoint_url: The local cloud's base URL, ``http://127.0.0.1:PORT``.
        route_selection: The expression that selects the route of a socket message.
        allowed_origins: Page origins from which browsers may call the HTTP API; empty: none.
        socket_endpoint_url: Base URL of the gateway that serves sockets and posts to them; None:
            the local cloud itself.

    Raises:
        botocore.exceptions.ClientError: A request was rejected.
    """
    base = f"{endpoint_url.rstrip('/')}/_aws/execute-api"
    more: dict[str, Any] = {"CorsConfiguration": _pages(allowed_origins)} if allowed_origins else {}
    http_api = client.create_api(Name="rtdts-http", ProtocolType="HTTP", **more)["ApiId"]
    client.create_stage(ApiId=http_api, StageName=HTTP_STAGE, AutoDeploy=True)
    socket_api = client.create_api(
        Name="rtdts-socket", ProtocolType="WEBSOCKET", RouteSelectionExpression=route_selection
    )["ApiId"]
    client.create_stage(ApiId=socket_api, StageName=SOCKET_STAGE, AutoDeploy=True)
    socket_base = f"{(socket_endpoint_url or endpoint_url).rstrip('/')}/_aws/execute-api"
    management_url = f"{socket_base}/{socket_api}/{SOCKET_STAGE}"
    return Gateways(
        http_api=http_api,
        socket_api=socket_api,
        # Without the stage: the default stage needs none, and a shell would expand `$default`.
        server_url=f"{base}/{http_api}",
        websocket_url=management_url.replace("http", "ws", 1),
        management_url=management_url,
    )


def _pages(allowed_origins: Sequence[str]) -> CorsTypeDef:
    return {
        "AllowOrigins": list(allowed_origins),
        "AllowMethods": list(METHODS),
        "AllowHeaders": list(REQUEST_HEADERS),
        "ExposeHeaders": list(RESPONSE_HEADERS),
        "MaxAge": PREFLIGHT_CACHED_S,
    }


def add_http_routes(
    client: ApiGatewayV2Client,
    api: str,
    *,
    issuer: str,
    audience: str,
    served: Sequence[HttpRoutes],
) -> None:
    """Adds the HTTP API's routes; all but the open ones require the JWT authorizer.

    Args:
        client: The local cloud's API Gateway.
        api: Id of the HTTP API.
        issuer: The issuer whose tokens it accepts.
        audience: The audience that tokens must have.
        served: The routes by Lambda.
    """
    authorizer = client.create_authorizer(
        ApiId=api,
        Name="company-tokens",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer, "Audience": [audience]},
    )["AuthorizerId"]
    for group in served:
        integration = client.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=group.function_arn,
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
        for method, path in group.routes:
            client.create_route(
                ApiId=api,
                RouteKey=f"{method} {path}",
                Target=f"integrations/{integration}",
                AuthorizationType="JWT",
                AuthorizerId=authorizer,
            )
        for method, path in group.open_routes:
            client.create_route(
                ApiId=api,
                RouteKey=f"{method} {path}",
                Target=f"integrations/{integration}",
                AuthorizationType="NONE",
            )


def add_socket_routes(
    client: ApiGatewayV2Client, api: str, *, region: str, socket: SocketRoutes
) -> None:
    """Adds the WebSocket API's routes; ``$connect`` requires the REQUEST authorizer."""
    authorizer = client.create_authorizer(
        ApiId=api,
        Name="tokens-and-tickets",
        AuthorizerType="REQUEST",
        AuthorizerUri=invocation_uri(region, socket.authorizer_arn),
        # Empty: each listed source would be required, but a viewer sends a header or a ticket.
        IdentitySource=[],
    )["AuthorizerId"]
    integration = client.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=invocation_uri(region, socket.function_arn),
    )["IntegrationId"]
    for key in socket.routes:
        expected: CreateRouteRequestTypeDef = {
            "ApiId": api,
            "RouteKey": key,
            "Target": f"integrations/{integration}",
        }
        if key == CONNECT:
            expected |= {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer}
        client.create_route(**expected)


def invocation_uri(region: str, function_arn: str) -> str:
    """The URI with which API Gateway names the invocation of a Lambda."""
    return (
        f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    )
