"""Entry point of track_lambda: an HTTP API event in, a response and a log line out."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.track_pages import PagePoint
from rtdts.runtime.http_api import (
    Response,
    internal_error,
    json_response,
    over_quota,
    problem,
    token_revoked,
)
from rtdts.tracking.callers import Caller, caller_of
from rtdts.tracking.instants import format_instant
from rtdts.tracking.roles import DISPATCHER
from track_lambda.bootstrap import App, build
from track_lambda.requests import InvalidRequest, parse_interval

CALLERS: Final = (DISPATCHER,)
"""The roles that may read a truck's history."""
PAGE_POINTS: Final = 1_000
"""Points per page: some 150 KB."""
RETRY_AFTER_S: Final = 1


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
    response = _respond(event, caller, app)
    if not _has_line(response, caller, app):
        return response
    app.log.info(
        "request",
        route=event.get("routeKey"),
        status=response["statusCode"],
        truck_id=(event.get("pathParameters") or {}).get("truck_id"),
        actor=caller.actor if caller else None,
        token_id=caller.token.token_id if caller else None,
        request_id=(event.get("requestContext") or {}).get("requestId"),
        duration_ms=round((time.monotonic() - started_s) * 1000, 1),
    )
    return response


def _has_line(response: Response, caller: Caller | None, app: App) -> bool:
    """Returns whether a request is logged: of rejected ones only a few per minute and caller."""
    status = response["statusCode"]
    if not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return True
    return app.rejection_log.allows(caller.actor if caller else "", app.now_ms())


def _respond(event: Mapping[str, Any], caller: Caller | None, app: App) -> Response:
    if not app.edge.passed(event.get("headers")):
        return problem(HTTPStatus.FORBIDDEN, "this is not the name at which this API is served")
    if caller is None or caller.role not in CALLERS:
        return problem(HTTPStatus.FORBIDDEN, "this is for dispatchers")
    if app.blocks.current().revoking(caller.role, caller.identity, caller.token, app.now_ms()):
        return token_revoked()
    try:
        return _page(event, caller, app)
    except InvalidRequest as error:
        return problem(HTTPStatus.BAD_REQUEST, str(error), field=error.field)
    except StoreUnavailable as error:
        app.log.exception("positions_unavailable", error)
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the history can't be read at the moment; send the request again",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    except Exception as error:
        # The last resort of a process that must respond: 500, and the whole error in the log.
        app.log.exception("unexpected", error)
        return internal_error()


def _page(event: Mapping[str, Any], caller: Caller, app: App) -> Response:
    requested = parse_interval(event)
    now_ms = app.now_ms()
    if (wait_ms := app.pages.wait_ms(caller.actor, now_ms)) > 0:
        return over_quota("too many pages of tracks; send this request again later", wait_ms)
    app.pages.spend(caller.actor, 1, now_ms)
    page = app.tracks.page(
        requested.truck_id, from_ms=requested.page_from_ms, to_ms=requested.to_ms, limit=PAGE_POINTS
    )
    document = {
        "truck_id": requested.truck_id,
        "points": [_point(one) for one in page.points],
        "next_cursor": None if page.next_ms is None else requested.cursor(page.next_ms),
    }
    return json_response(HTTPStatus.OK, document)


def _point(point: PagePoint) -> dict[str, Any]:
    return {
        "at": format_instant(point.event_at_ms),
        "lat": point.lat,
        "lon": point.lon,
        "speed_mps": point.speed_mps,
        "heading_deg": point.heading_deg,
        "accuracy_m": point.accuracy_m,
    }
