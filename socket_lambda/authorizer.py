"""Entry point of the REQUEST authorizer of $connect.

It declares no identity sources: each one listed would be required, and a viewer brings a header
or a ticket, never both.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.metrics import Metric, MetricWriter
from socket_lambda.admission import Rejection, RejectionReason, admit
from socket_lambda.authorizer_bootstrap import COMPONENT, AuthorizerApp, build_authorizer

Policy = dict[str, Any]

METRICS_COMPONENT = "socket_lambda"
METRICS = (Metric("AuthorizerFailures", "Count"),)


class UnauthorizedError(Exception):
    """There is no valid token or ticket. API Gateway responds with 401 to exactly this text."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


@functools.cache
def _app() -> AuthorizerApp:
    return build_authorizer(os.environ)


def lambda_handler(event: Mapping[str, Any], _context: object) -> Policy:
    """Called by API Gateway."""
    return handle(
        event,
        _app,
        log=get_logger(COMPONENT),
        metrics=MetricWriter(METRICS_COMPONENT, METRICS),
    )


def handle(
    event: Mapping[str, Any],
    app: Callable[[], AuthorizerApp],
    *,
    log: Logger,
    metrics: MetricWriter,
) -> Policy:
    """Authorizes, and counts internal failures.

    Lambda also counts each 401 as an error, so with its own metric any unauthorized client could
    make an alarm fire.

    Args:
        event: The authorizer's event.
        app: Builds the authorizer; a failure to build it counts as well.
        log: Where failures are logged.
        metrics: Where they are counted.

    Raises:
        UnauthorizedError: See `authorize`.
        Exception: Any other failure; the gateway responds with 500.
    """
    try:
        return authorize(event, app())
    except UnauthorizedError:
        raise
    except Exception as error:
        log.exception("authorizer_failed", error)
        metrics.emit({"AuthorizerFailures": 1})
        raise


def authorize(event: Mapping[str, Any], app: AuthorizerApp) -> Policy:
    """Returns the policy for a $connect, with the viewer's identity for the connection's events.

    Raises:
        UnauthorizedError: There is no valid token or ticket. Any other exception (no keys, no
            table) is an internal failure: the gateway responds with 500.
    """
    started_s = time.monotonic()
    decision = admit(
        event,
        tokens=app.tokens,
        tickets=app.tickets,
        blocks=app.blocks.current(),
        edge=app.edge,
        origins=app.origins,
        now_ms=app.now_ms(),
    )
    rejection = decision if isinstance(decision, Rejection) else None
    app.log.info(
        "authorize",
        outcome="admitted" if rejection is None else rejection.reason.name.lower(),
        detail=rejection.detail if rejection else None,
        actor=None if isinstance(decision, Rejection) else f"{decision.role}:{decision.identity}",
        connection_id=(event.get("requestContext") or {}).get("connectionId"),
        duration_ms=round((time.monotonic() - started_s) * 1000, 1),
    )
    if isinstance(decision, Rejection):
        if decision.reason is RejectionReason.NOT_VALID:
            raise UnauthorizedError
        return _policy("anonymous", "Deny", event, {})
    return _policy(
        f"{decision.role}:{decision.identity}",
        "Allow",
        event,
        {
            "role": decision.role,
            "identity": decision.identity,
            "expires_at": decision.expires_at_ms // 1000,
            "token_id": decision.token.token_id,
            "issued_at": decision.token.issued_at_ms // 1000,
            "delivery_id": decision.delivery_id,
        },
    )


def _policy(principal: str, effect: str, event: Mapping[str, Any], context: Policy) -> Policy:
    return {
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": effect,
                    "Resource": event["methodArn"],
                }
            ],
        },
        "context": context,
    }
