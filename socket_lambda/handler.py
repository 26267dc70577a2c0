"""Entry point of the socket's routes: one event in, one log line out.

The response to the gateway is only a status code: a body would reach a viewer only on a route with
a route response, which none of ours has.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping
from typing import Any

from socket_lambda.bootstrap import App, build


@functools.cache
def _app() -> App:
    return build(os.environ)


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Called by API Gateway."""
    return handle(event, _app())


def handle(event: Mapping[str, Any], app: App) -> dict[str, int]:
    """Handles one event; any failure is a log line, and a 500 for the gateway's metrics."""
    started_s = time.monotonic()
    context = event.get("requestContext") or {}
    status, outcome = 200, ""
    try:
        outcome, status = app.dispatch.handle(event)
    except Exception as error:
        # The last resort: an unavailable table or queue, or a bug.
        status, outcome = 500, "failed"
        app.log.exception("unexpected", error, connection_id=context.get("connectionId"))
    known = context.get("authorizer") or {}
    app.log.info(
        "socket",
        route=context.get("routeKey"),
        outcome=outcome,
        actor=f"{known.get('role')}:{known.get('identity')}",
        connection_id=context.get("connectionId"),
        request_id=context.get("requestId"),
        duration_ms=round((time.monotonic() - started_s) * 1000, 1),
    )
    return {"statusCode": status}
