"""Entry point of ingest_lambda."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from ingest_lambda import bootstrap
from ingest_lambda.routes import OPEN_ROUTES
from ingest_lambda.settings import Settings
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.http_api import Response, internal_error
from rtdts.runtime.logs import get_logger

# Maximum time for writing the response, in seconds.
_RESPONSE_RESERVE_S = 0.5
_PHONES = frozenset(" ".join(route) for route in OPEN_ROUTES)


class Context(Protocol):
    """The part of the Lambda context that is used here."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Returns the time until the Lambda is stopped."""


def lambda_handler(event: Mapping[str, Any], context: Context) -> Response:
    """Handles ``POST /telemetry`` or a phone's route; internal errors are a 500 without details."""
    started_s = time.monotonic()
    # The gateway's id: its access log and the response headers have it too.
    request_id = (event.get("requestContext") or {}).get("requestId") or context.aws_request_id
    log = get_logger(bootstrap.COMPONENT)
    try:
        app = bootstrap.app()
        service = app.phones if event.get("routeKey") in _PHONES else app.service
        handled = service.handle(event, deadline=put_deadline(app.settings, context))
    except Exception as error:  # the last line of defence: it logs the whole error
        log.exception("request_failed", error, request_id=request_id)
        return internal_error()
    duration_ms = round((time.monotonic() - started_s) * 1_000, 1)
    has_failed = bool(handled.metrics.get("PointsFailed"))
    write = app.log.warning if has_failed else app.log.info
    # A line costs as much as the request: ordinary requests are sampled, and each line says how
    # many requests it stands for.
    one_of = app.sample.one_of if handled.is_ordinary and not handled.steps else 1
    if handled.fields is not None and (one_of == 1 or app.sample.includes()):
        write(
            "telemetry",
            route=event.get("routeKey"),
            request_id=request_id,
            duration_ms=duration_ms,
            **handled.fields,
            **({"one_of": one_of} if one_of > 1 else {}),
        )
    for step in handled.steps:
        app.trace.log(**step, request_id=request_id)
    if handled.metrics:
        app.metrics.add(handled.metrics, at_once=has_failed)
    return handled.response


def put_deadline(settings: Settings, context: Context) -> Deadline:
    """Returns when the last attempt to put may begin, so that it ends within the Lambda's time."""
    attempt_s = settings.connect_timeout_s + settings.read_timeout_s
    left_s = context.get_remaining_time_in_millis() / 1_000 - attempt_s - _RESPONSE_RESERVE_S
    return Deadline(min(settings.put_deadline_s, left_s))
