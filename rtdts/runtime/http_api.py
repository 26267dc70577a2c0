"""Responses of a Lambda behind an API Gateway HTTP API (payload format 2.0).

The Lambdas' own errors are RFC 9457 problem documents. Errors that the gateway generates (401, 404,
429, 5xx) have its own ``{"message"}``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"

Response = dict[str, Any]
"""``{"statusCode", "headers", "body"}``, as the gateway expects it."""


def json_response(
    status: int,
    body: Mapping[str, Any] | Sequence[Any],
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Returns a response with a JSON body."""
    return _response(status, JSON_TYPE, body, headers)


def no_content() -> Response:
    """Returns a response without a body: the request succeeded."""
    return {"statusCode": int(HTTPStatus.NO_CONTENT), "headers": {}, "body": ""}


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """Returns a problem document (RFC 9457) of type ``about:blank``, titled by the status's phrase.

    Args:
        status: HTTP status code; repeated in the document.
        detail: What is wrong with this request and, if possible, how to correct it.
        headers: Further headers, for example ``{"Retry-After": "5"}``.
        **members: Extension members of the document.
    """
    document = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return _response(status, PROBLEM_TYPE, {**document, **members}, headers)


def token_revoked() -> Response:
    """Returns the response to a valid token that was revoked (RFC 6750, section 3.1)."""
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "the token was revoked; get another",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def over_quota(detail: str, wait_ms: float) -> Response:
    """Returns the response to an identity over its quota.

    Args:
        detail: Which quota is exceeded.
        wait_ms: Time until the next request is accepted.
    """
    retry_after_s = math.ceil(wait_ms / 1_000)
    headers = {"Retry-After": str(retry_after_s)}
    return problem(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=headers)


def internal_error() -> Response:
    """Returns the response to an internal error, without any details of it."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The request could not be handled; try again later.",
    )


def _response(
    status: int,
    content_type: str,
    body: Mapping[str, Any] | Sequence[Any],
    headers: Mapping[str, str] | None,
) -> Response:
    return {
        "statusCode": int(status),
        "headers": {"Content-Type": content_type, **(headers or {})},
        "body": json.dumps(body, separators=(",", ":")),
        "isBase64Encoded": False,
    }
