"""``device-credentials``: secrets by which a phone proves that it is a truck, until revoked.

Phone apps can't refresh a token, so a secret is valid until it is revoked. Only its hash is stored,
as the key: the table's content can't be used for sending, and one read looks a secret up.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from rtdts.delivery_store.batches import scan_all
from rtdts.delivery_store.items import from_item, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import ScanInputTypeDef

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: a person may have to type it, so no two characters look alike."""
SECRET_LENGTH: Final = 26
"""26 characters of 5 bits are 130 bits."""
_FORM = re.compile(rf"[{_ALPHABET}]{{{SECRET_LENGTH}}}")
_DEVICE_ID_LENGTH = 16


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A phone that may report one truck's positions."""

    device_id: str
    """The first 16 hex digits of the secret's hash: identifies the credential, proves nothing."""
    truck_id: str
    name: str
    """Shown in the list of devices; may be empty."""
    added_at_ms: int


class _DeviceItem(Device, frozen=True, kw_only=True):
    secret_hash: str


def is_secret(text: str) -> bool:
    """Returns whether a text has the form of a secret; others are rejected without a request."""
    return _FORM.fullmatch(text) is not None


def new_secret() -> str:
    """Returns a secret of 130 random bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_LENGTH))


class DeviceStore:
    """Adds, finds, lists and revokes devices; what boto3 raises passes through."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, make_secret: Callable[[], str] = new_secret
    ) -> None:
        self._client = client
        self._table = table
        self._make_secret = make_secret

    def add(self, truck_id: str, *, name: str, now_ms: int) -> tuple[Device, str]:
        """Creates a credential.

        Returns:
            The device and its secret, which can't be read again later.
        """
        secret = self._make_secret()
        secret_hash = hash_of(secret)
        item = _DeviceItem(
            secret_hash=secret_hash,
            device_id=secret_hash[:_DEVICE_ID_LENGTH],
            truck_id=truck_id,
            name=name,
            added_at_ms=now_ms,
        )
        self._client.put_item(TableName=self._table, Item=to_item(item))
        return _device(item), secret

    def find(self, secret: str) -> Device | None:
        """Returns the device of a secret, read consistently; one just revoked is not found."""
        response = self._client.get_item(
            TableName=self._table,
            Key={"secret_hash": {"S": hash_of(secret)}},
            ConsistentRead=True,
        )
        item = response.get("Item")
        return from_item(item, Device) if item else None

    def list_devices(self, truck_id: str | None = None) -> list[Device]:
        """Returns every device, or one truck's; reads the whole table."""
        return [_device(item) for item in self._items(truck_id)]

    def revoke(self, truck_id: str, device_id: str | None = None) -> list[Device]:
        """Deletes all of a truck's credentials, or one of them; returns those that existed."""
        revoked = []
        for item in self._items(truck_id):
            if device_id in (None, item.device_id):
                key = {"secret_hash": {"S": item.secret_hash}}
                self._client.delete_item(TableName=self._table, Key=key)
                revoked.append(_device(item))
        return revoked

    def _items(self, truck_id: str | None) -> Iterator[_DeviceItem]:
        scan: ScanInputTypeDef = {"TableName": self._table, "ConsistentRead": True}
        if truck_id is not None:
            scan["FilterExpression"] = "truck_id = :truck_id"
            scan["ExpressionAttributeValues"] = {":truck_id": {"S": truck_id}}
        for item in scan_all(self._client, scan):
            yield from_item(item, _DeviceItem)


def hash_of(secret: str) -> str:
    """Returns the hash that is stored. The secret is random, so a slow hash would gain nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _device(item: _DeviceItem) -> Device:
    return Device(
        device_id=item.device_id,
        truck_id=item.truck_id,
        name=item.name,
        added_at_ms=item.added_at_ms,
    )
