"""Decides on a ``$connect`` by the responses of its authorizer and its route. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from sim.local_cloud.socket_gateway.definitions import FunctionError

_UNAUTHORIZED: Final = "Unauthorized"


@dataclass(frozen=True)
class HandshakeFailure:
    """A handshake response other than 101."""

    status: int
    message: str


UNAUTHORIZED: Final = HandshakeFailure(401, _UNAUTHORIZED)
SERVER_ERROR: Final = HandshakeFailure(500, "Internal server error")
DENIED: Final = HandshakeFailure(
    403,
    "User is not authorized to access this resource with an explicit deny in an identity-based "
    "policy",
)
NOT_ALLOWED: Final = HandshakeFailure(403, "User is not authorized to access this resource")
TOO_MANY: Final = HandshakeFailure(429, "Too Many Requests")


def has_identity_sources(
    sources: Sequence[str], headers: Mapping[str, str], query: str, stage: Mapping[str, str]
) -> bool:
    """Whether all identity sources that an authorizer requires are present.

    Args:
        sources: Expressions such as ``route.request.header.Authorization``.
        headers: Headers by name in lower case.
        query: The query string.
        stage: The stage's variables.
    """
    parameters = parse_qs(query)
    for source in sources:
        kind, _, name = source.removeprefix("route.request.").partition(".")
        there: Mapping[str, Any] = {
            "header": headers,
            "querystring": parameters,
            "stageVariables": stage,
        }.get(kind, {})
        if not there.get(name.lower() if kind == "header" else name):
            return False
    return True


def evaluate_policy(
    response: Mapping[str, Any] | FunctionError, method_arn: str
) -> Mapping[str, str] | HandshakeFailure:
    """Interprets an authorizer's response.

    An error with the text ``Unauthorized`` is 401. Any other error, and any response without a
    policy, is 500. A policy that does not allow the connection is 403.

    Returns:
        The context for all events of the connection, as text, or the rejection.
    """
    if isinstance(response, FunctionError):
        return UNAUTHORIZED if response.message == _UNAUTHORIZED else SERVER_ERROR
    policy, context = response.get("policyDocument"), response.get("context") or {}
    statements = policy.get("Statement") if isinstance(policy, Mapping) else None
    if statements is None or not isinstance(context, Mapping):
        return SERVER_ERROR
    effects = {
        one.get("Effect")
        for one in ([statements] if isinstance(statements, Mapping) else statements)
        if _names(one.get("Resource"), method_arn)
        and _names(one.get("Action"), "execute-api:Invoke")
    }
    if "Deny" in effects:
        return DENIED
    if "Allow" not in effects:
        return NOT_ALLOWED
    known = {name: _text(value) for name, value in context.items()}
    return {**known, "principalId": _text(response.get("principalId", ""))}


def evaluate_connect(response: Any) -> HandshakeFailure | None:
    """Interprets the response of the ``$connect`` route: any status but 2xx rejects the socket."""
    if isinstance(response, FunctionError):
        return HandshakeFailure(502, SERVER_ERROR.message)
    try:
        status = int(response.get("statusCode", 200)) if isinstance(response, Mapping) else 200
    except (TypeError, ValueError):
        return HandshakeFailure(502, SERVER_ERROR.message)
    return (
        None if 200 <= status < 300 else HandshakeFailure(status, _PHRASES.get(status, "Forbidden"))
    )


_PHRASES: Final = {400: "Bad Request", 401: _UNAUTHORIZED, 429: TOO_MANY.message}


def _names(patterns: Any, name: str) -> bool:
    several = patterns if isinstance(patterns, list) else [patterns]
    return any(isinstance(one, str) and fnmatch.fnmatchcase(name, one) for one in several)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
