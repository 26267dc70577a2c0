"""Creates the local cloud's APIs: gateways, Lambdas, routes, and the content of sim/.env.

Together with `create_resources` and the index templates it does what `terraform apply` does for an
account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import delivery_lambda.routes
import ingest_lambda.routes
import socket_lambda.routes
import track_lambda.routes
from deploy.lambdas import DELIVERY, INGEST, SOCKET, SOCKET_AUTHORIZER, TRACK
from rtdts.runtime.origins import ANY
from sim.environment import Environment
from sim.local_cloud.gateways import (
    HttpRoutes,
    SocketRoutes,
    add_http_routes,
    add_socket_routes,
    create_gateways,
)
from sim.local_cloud.lambdas import deploy_lambdas
from sim.local_cloud.resources import (
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    CreatedResources,
    local_session,
)

ANY_PAGE = (ANY,)
"""Allowed origins: a developer's own pages may be on any port."""


def deploy_gateways(
    created: CreatedResources,
    *,
    endpoint_url: str,
    socket_endpoint_url: str,
    region: str,
    opensearch_url: str,
    issuer: str,
    mqtt_url: str,
    web_url: str,
    audience: str,
    token_secret: str,
    zips: Mapping[str, Path],
    allowed_origins: Sequence[str] = ANY_PAGE,
    settings: Mapping[str, str] | None = None,
) -> Environment:
    """Creates the gateways and the Lambdas behind them.

    Args:
        created: The result of `create_resources` in the same emulator.
        endpoint_url: The emulator's base URL.
        socket_endpoint_url: The base URL of the socket gateway.
        region: The region that it emulates.
        opensearch_url: URL of the OpenSearch node.
        issuer: URL of the identity provider. It is not needed before the first token arrives.
        mqtt_url: URL of the broker.
        web_url: Base URL of the web pages.
        audience: Audience of the identity provider's tokens.
        token_secret: The secret that its ``/token`` requires.
        zips: The result of `deploy.package.build_packages`, for the emulator's own Python.
        allowed_origins: Page origins from which browsers may call.
        settings: Additional settings for the Lambdas, by name; each gets those that it declares.

    Returns:
        The addresses of everything.

    Raises:
        botocore.exceptions.ClientError: A request was rejected.
    """
    session = local_session(region)
    client = session.client("apigatewayv2", endpoint_url=endpoint_url)
    gateways = create_gateways(
        client,
        endpoint_url=endpoint_url,
        route_selection=socket_lambda.routes.ROUTE_SELECTION,
        allowed_origins=allowed_origins,
        socket_endpoint_url=socket_endpoint_url,
    )
    names = created.names
    environment = Environment(
        server_url=gateways.server_url,
        websocket_url=gateways.websocket_url,
        web_url=web_url,
        mqtt_url=mqtt_url,
        opensearch_url=opensearch_url,
        aws_endpoint_url=endpoint_url,
        region=region,
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
        stream_name=names.stream,
        deliveries_table=names.tables.deliveries,
        delivery_events_table=names.tables.delivery_events,
        truck_matches_table=names.tables.truck_matches,
        subscriptions_table=names.tables.subscriptions,
        socket_tickets_table=names.tables.socket_tickets,
        socket_limits_table=names.tables.socket_limits,
        blocked_identities_table=names.tables.blocked_identities,
        device_credentials_table=names.tables.device_credentials,
        delivery_shares_table=names.tables.delivery_shares,
        nudge_queue_url=created.queue_urls["nudges"],
        nudge_dead_letter_queue_url=created.dead_letter_urls["nudges"],
        snapshot_queue_url=created.queue_urls["snapshots"],
        snapshot_dead_letter_queue_url=created.dead_letter_urls["snapshots"],
        round_queue_url=created.queue_urls["rounds"],
        parked_bucket=names.parked_bucket,
        raw_backup_bucket=names.raw_backup_bucket,
        socket_management_url=gateways.management_url,
        allowed_origins=",".join(allowed_origins),
        issuer=issuer,
        audience=audience,
        token_url=f"{issuer}/token",
        token_secret=token_secret,
    )
    # The gateways come first: the Lambdas need the URL to post to sockets.
    arns = deploy_lambdas(
        session.client("lambda", endpoint_url=endpoint_url),
        zips=zips,
        # Here one log line per request costs nothing, and developers look for it.
        variables={
            **environment.variables(),
            "LOG_ONE_OF": "1",
            "OPENSEARCH_AUTH": "none",
            **(settings or {}),
        },
    )
    add_http_routes(
        client,
        gateways.http_api,
        issuer=issuer,
        audience=audience,
        served=[
            HttpRoutes(
                function_arn=arns[INGEST.name],
                routes=ingest_lambda.routes.ROUTES,
                open_routes=ingest_lambda.routes.OPEN_ROUTES,
            ),
            HttpRoutes(
                function_arn=arns[DELIVERY.name],
                routes=delivery_lambda.routes.ROUTES,
                open_routes=delivery_lambda.routes.OPEN_ROUTES,
            ),
            HttpRoutes(function_arn=arns[TRACK.name], routes=track_lambda.routes.ROUTES),
        ],
    )
    add_socket_routes(
        client,
        gateways.socket_api,
        region=region,
        socket=SocketRoutes(
            function_arn=arns[SOCKET.name],
            authorizer_arn=arns[SOCKET_AUTHORIZER.name],
            routes=socket_lambda.routes.ROUTES,
        ),
    )
    return environment
