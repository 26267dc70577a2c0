"""AWS clients that treat a response that was cut off as no response.

The SDK doesn't check a response's length, and returns an empty response when it can't parse one: an
existing item would look absent, and rejected messages would look accepted. The SDK does retry a
response that fails DynamoDB's own checksum, but returns the last attempt's response whether it is
valid or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import HTTPClientError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel

_JSON_SERVICES: Final = ("dynamodb", "sqs")
"""Services used with these clients that respond in JSON; the SDK's parsers check the others."""


INTERACTIVE: Final = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "max_attempts": 3}
)
"""For clients used while a request waits. The gateway waits 30 s; a call that takes longer than
this has failed."""


ONE_SHORT_ATTEMPT: Final = Config(
    connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}
)
"""For clients whose calls may fail: the caller continues without the result, and retries later."""


class UnreadableResponseError(HTTPClientError):
    """A response reported success but can't be read: the result of the call is unknown."""

    fmt = "the response to {operation} can't be read; attempts made: {attempts}"


def aws_session(region: str | None = None) -> boto3.Session:
    """Creates a session whose clients raise an error for unreadable responses.

    Args:
        region: The AWS region; None for the region that the SDK finds by itself.
    """
    return raising_on_unreadable_responses(boto3.Session(region_name=region))


def raising_on_unreadable_responses(session: boto3.Session) -> boto3.Session:
    """Makes a session's clients raise `UnreadableResponseError` instead of an empty response."""
    for service in _JSON_SERVICES:
        session.events.register(f"after-call.{service}", _raise_if_unreadable)
    return session


def _raise_if_unreadable(
    *, http_response: AWSResponse, parsed: Mapping[str, Any], model: OperationModel, **_: object
) -> None:
    """Runs after the SDK's own attempts; an exception raised here reaches the caller."""
    # Any other key means that the body was parsed. An operation without an output has no body.
    if parsed.keys() - {"ResponseMetadata"} or model.output_shape is None:
        return
    try:
        json.loads(http_response.content)
    except ValueError as error:
        retries = parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        raise UnreadableResponseError(operation=model.name, attempts=retries + 1) from error
