"""Says something to one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

_GONE_STATUS = 410


class ConnectionPoster:
    """Posts messages by API Gateway's management API."""

    def __init__(self, client: ApiGatewayManagementApiClient) -> None:
        self._client = client

    def post(self, connection_id: str, message: bytes) -> bool:
        """Posts a message; False when the connection is gone.

        Raises:
            botocore.exceptions.ClientError: It could not be posted for another reason.
        """
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=message)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == _GONE_STATUS:
                return False
            raise
        return True
