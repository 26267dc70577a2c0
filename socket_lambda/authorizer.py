"""Entry point of the REQUEST authorizer of $connect.

It declares no identity sources: each one listed would be required, and a viewer brings a header
or a ticket, never both.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping
from typing import Any

from socket_lambda.admission import Refusal, Refused, admit
from socket_lambda.authorizer_bootstrap import AuthorizerApp, build_authorizer

Policy = dict[str, Any]

_UNAUTHORIZED = "Unauthorized"
"""API Gateway answers 401 exactly when the authorizer fails with this text."""


@functools.cache
def _app() -> AuthorizerApp:
    return build_authorizer(os.environ)


def lambda_handler(event: Mapping[str, Any], _context: object) -> Policy:
    """What API Gateway calls."""
    return authorize(event, _app())


def authorize(event: Mapping[str, Any], app: AuthorizerApp) -> Policy:
    """The policy for a $connect, with who it is for every later event of the connection.

    Raises:
        Exception: ``Unauthorized``, which the gateway answers with 401. Whatever else is raised
            (no keys, no table) is our fault, not the viewer's: the gateway answers 500.
    """
    started_s = time.monotonic()
    decision = admit(
        event,
        tokens=app.tokens,
        tickets=app.tickets,
        blocks=app.blocks.current(),
        now_ms=app.now_ms(),
    )
    refused = decision if isinstance(decision, Refusal) else None
    app.log.info(
        "authorize",
        outcome="admitted" if refused is None else refused.refused.name.lower(),
        detail=refused.detail if refused else None,
        actor=None if isinstance(decision, Refusal) else f"{decision.role}:{decision.identity}",
        connection_id=(event.get("requestContext") or {}).get("connectionId"),
        duration_ms=round((time.monotonic() - started_s) * 1000, 1),
    )
    if isinstance(decision, Refusal):
        if decision.refused is Refused.NOT_VALID:
            raise Exception(_UNAUTHORIZED)  # noqa: TRY002 - the gateway reads the text, no type
        return _policy("nobody", "Deny", event, {})
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
