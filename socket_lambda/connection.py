"""Posts messages to one connection, or ends it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from rtdts.tracking.viewer_messages import ErrorReason, encode_error

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

_GONE_STATUS = 410


class ConnectionPort(Protocol):
    """The part of a `ConnectionPoster` that is needed to end a connection."""

    def post(self, connection_id: str, message: bytes) -> bool:
        """Posts a message; False when the connection is closed."""

    def end(self, connection_id: str) -> None:
        """Ends a connection."""


class ConnectionPoster:
    """Posts messages by API Gateway's management API."""

    def __init__(self, client: ApiGatewayManagementApiClient) -> None:
        self._client = client

    def post(self, connection_id: str, message: bytes) -> bool:
        """Posts a message; False when the connection is closed.

        Raises:
            botocore.exceptions.ClientError: It could not be posted for another reason.
        """
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=message)
        except ClientError as error:
            if _is_gone(error):
                return False
            raise
        return True

    def end(self, connection_id: str) -> None:
        """Ends a connection; one that is closed already counts as ended.

        Raises:
            botocore.exceptions.ClientError: It could not be ended.
        """
        try:
            self._client.delete_connection(ConnectionId=connection_id)
        except ClientError as error:
            if not _is_gone(error):
                raise


def closing_for_too_many(
    poster: ConnectionPort, *, now_ms: Callable[[], int]
) -> Callable[[str], None]:
    """Returns a function that posts `too_many` to a connection and ends it, delivered or not."""

    def close(connection_id: str) -> None:
        with suppress(ClientError):  # a client that sends too much often reads too slowly
            poster.post(connection_id, encode_error(ErrorReason.TOO_MANY, sent_at_ms=now_ms()))
        poster.end(connection_id)

    return close


def _is_gone(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == _GONE_STATUS
