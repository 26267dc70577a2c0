"""AWS clients that take an answer which was cut on its way for no answer.

The SDK doesn't check an answer's length, and makes an empty one of what it can't parse: an item
that is there would look absent, a queue that refused messages as if it had taken them. It does
repeat what fails DynamoDB's own checksum, but returns the last attempt's answer whatever it is.
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
"""Those used through this whose answers are JSON; others' are checked by the SDK's parsers."""


INTERACTIVE: Final = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "max_attempts": 3}
)
"""Of clients behind a request. The gateway waits 30 s; a call that takes longer than this has
failed."""


ONE_SHORT_ATTEMPT: Final = Config(
    connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}
)
"""Of clients whose calls may fail: what waits for one goes on without, and tries again later."""


class UnreadableResponseError(HTTPClientError):
    """An answer said success, and what else it said can't be read: nothing is known of the call."""

    fmt = "the answer to {operation} can't be read; attempts made: {attempts}"


def aws_session(region: str | None = None) -> boto3.Session:
    """A session whose clients refuse unreadable answers.

    Args:
        region: None for the one that the SDK finds by itself.
    """
    return raising_on_unreadable_responses(boto3.Session(region_name=region))


def raising_on_unreadable_responses(session: boto3.Session) -> boto3.Session:
    """Makes a session's clients raise `UnreadableResponseError` instead of an empty answer."""
    for service in _JSON_SERVICES:
        session.events.register(f"after-call.{service}", _raise_if_unreadable)
    return session


def _raise_if_unreadable(
    *, http_response: AWSResponse, parsed: Mapping[str, Any], model: OperationModel, **_: object
) -> None:
    """Hooked in after the SDK's own attempts; an exception from here reaches whoever called."""
    # What says anything was parsed; an operation without an output may answer without a body.
    if parsed.keys() - {"ResponseMetadata"} or model.output_shape is None:
        return
    try:
        json.loads(http_response.content)
    except ValueError as error:
        retries = parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        raise UnreadableResponseError(operation=model.name, attempts=retries + 1) from error
