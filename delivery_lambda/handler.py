"""Entry point of delivery_lambda: an HTTP API event in, a response and a log line out."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from delivery_lambda.bootstrap import App, build
from delivery_lambda.requests import InvalidRequest, parse_request
from delivery_lambda.responses import forbidden, foreign_origin, invalid, unavailable
from delivery_lambda.routes import ISSUE_SHARE_TICKET, ISSUE_TICKET, OPEN_ROUTES
from rtdts.runtime.http_api import Response, internal_error, over_quota, token_revoked
from rtdts.tracking.callers import Caller, caller_of
from rtdts.tracking.roles import DISPATCHER

_OPEN = frozenset(" ".join(route) for route in OPEN_ROUTES)
_FOR_PAGES = frozenset(" ".join(route) for route in (ISSUE_TICKET, ISSUE_SHARE_TICKET))
"""Requests that a page sends before it opens a socket; the socket's gateway checks no origin."""


@functools.cache
def _app() -> App:
    return build(os.environ)


def lambda_handler(event: Mapping[str, Any], _context: object) -> Response:
    """Called by API Gateway."""
    return handle(event, _app())


def handle(event: Mapping[str, Any], app: App) -> Response:
    """Handles one request; any failure also becomes a response and a log line."""
    started_s = time.monotonic()
    caller = caller_of(event, app.identity_claim)
    rejection = _rejection(event, caller, app)
    response = rejection or _respond(event, caller, app)
    if not _has_line(event, response, caller, app, is_rejected=rejection is not None):
        return response
    app.log.info(
        "request",
        route=event.get("routeKey"),
        status=response["statusCode"],
        delivery_id=(event.get("pathParameters") or {}).get("delivery_id"),
        actor=caller.actor if caller else None,
        token_id=caller.token.token_id if caller else None,
        request_id=(event.get("requestContext") or {}).get("requestId"),
        duration_ms=round((time.monotonic() - started_s) * 1000, 1),
    )
    return response


def _rejection(event: Mapping[str, Any], caller: Caller | None, app: App) -> Response | None:
    """Returns the response to a request that is rejected before anything is read, else None."""
    if not app.edge.passed(event.get("headers")):
        return forbidden("this is not the name at which this API is served")
    if event.get("routeKey") in _FOR_PAGES and not app.origins.allow(event.get("headers")):
        return foreign_origin()
    if event.get("routeKey") in _OPEN:
        return None
    if caller is None:
        return forbidden("the token names no role or identity that is known here")
    now_ms = app.dispatch.now_ms()
    blocks = app.blocks.current()
    if blocks.revoking(caller.role, caller.identity, caller.token, now_ms):
        return token_revoked()
    if caller.role == DISPATCHER:  # the company's own back office
        return None
    if (wait_ms := app.requests.wait_ms(caller.actor, now_ms)) > 0:
        return over_quota("too many requests; send this one again later", wait_ms)
    app.requests.spend(caller.actor, 1, now_ms)
    return None


def _has_line(
    event: Mapping[str, Any],
    response: Response,
    caller: Caller | None,
    app: App,
    *,
    is_rejected: bool,
) -> bool:
    """Returns whether a request is logged: of rejected ones only a few per minute and caller."""
    status = response["statusCode"]
    is_error = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not is_rejected and not (is_error and event.get("routeKey") in _OPEN):
        return True
    return app.rejection_log.allows(caller.actor if caller else "", app.dispatch.now_ms())


def _respond(event: Mapping[str, Any], caller: Caller | None, app: App) -> Response:
    if caller is None or event.get("routeKey") in _OPEN:  # without a token, on an open route
        blocks = app.blocks.current()
        return _guarded(lambda: app.dispatch.respond_open(parse_request(event), blocks), app)
    return _guarded(lambda: app.dispatch.respond(parse_request(event), caller), app)


def _guarded(response: Callable[[], Response], app: App) -> Response:
    try:
        return response()
    except InvalidRequest as error:
        return invalid(error)
    except (BotoCoreError, ClientError) as error:
        app.log.exception("store_unavailable", error)
        return unavailable()
    except Exception as error:
        # The last resort of a process that must respond: 500, and the whole error in the log.
        app.log.exception("unexpected", error)
        return internal_error()
