"""One-time secrets in ``device-credentials``, by which a truck gets its own certificate.

Every truck's box leaves the factory with the same claim certificate, which must not be enough to
impersonate a truck. So a box also brings a secret that was made for one truck. The secret is bound
to the public key of the first certificate requested with it. A box that lost the response, or its
power before it had stored the certificate, may repeat the request, and even get another certificate
for its key. A request with another key is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rtdts.delivery_store.devices import Device, hash_of, new_secret
from rtdts.delivery_store.items import to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY_PREFIX: Final = "enrollment-"
"""A phone's secret is never valid for an enrollment, nor the reverse: the keys differ."""
_DEVICE_ID_LENGTH: Final = 16
_THING = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _EnrollmentItem(Device, frozen=True, kw_only=True):
    secret_hash: str
    expires_at_ms: int


def can_be_thing(truck_id: str) -> bool:
    """Returns whether AWS IoT Core allows this thing name: a truck's id may also contain dots."""
    return _THING.fullmatch(truck_id) is not None


class EnrollmentStore:
    """Creates secrets and binds them to keys; what boto3 raises passes through.

    `DeviceStore` lists and revokes them with a truck's other devices. A used or expired secret
    stays in the list until it is revoked.
    """

    def __init__(
        self, client: DynamoDBClient, table: str, *, make_secret: Callable[[], str] = new_secret
    ) -> None:
        self._client = client
        self._table = table
        self._make_secret = make_secret

    def add(self, truck_id: str, *, name: str, now_ms: int, expires_at_ms: int) -> str:
        """Creates a secret, which can't be read again later.

        Args:
            truck_id: The truck for which it gets a certificate.
            name: Shown in the list of devices.
            now_ms: The time.
            expires_at_ms: When it expires.
        """
        secret = self._make_secret()
        secret_hash = hash_of(secret)
        item = _EnrollmentItem(
            secret_hash=f"{_KEY_PREFIX}{secret_hash}",
            device_id=secret_hash[:_DEVICE_ID_LENGTH],
            truck_id=truck_id,
            name=name,
            added_at_ms=now_ms,
            expires_at_ms=expires_at_ms,
        )
        self._client.put_item(TableName=self._table, Item=to_item(item))
        return secret

    def bind(self, secret: str, *, truck_id: str, key_hash: str, now_ms: int) -> bool:
        """Binds a secret to a public key.

        Args:
            secret: As the truck sent it.
            truck_id: The truck's id as sent in the request.
            key_hash: Identifies the public key of the requested certificate.
            now_ms: The time.

        Returns:
            Whether the truck may get the certificate.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"secret_hash": {"S": f"{_KEY_PREFIX}{hash_of(secret)}"}},
                UpdateExpression="SET key_hash = :key",
                ConditionExpression=(
                    "truck_id = :truck AND expires_at_ms > :now AND "
                    "(attribute_not_exists(key_hash) OR key_hash = :key)"
                ),
                ExpressionAttributeValues={
                    ":truck": {"S": truck_id},
                    ":now": {"N": str(now_ms)},
                    ":key": {"S": key_hash},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
