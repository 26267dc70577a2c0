"""``delivery-shares``: links by which a delivery is viewed without an account.

A token names its delivery, so that one read by key finds the share. The rest of the token is
random, and only its hash is stored. Writes on behalf of a token's holders are limited across all
containers: each ticket takes a unit of a rate that is kept in the share's own item.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from botocore.exceptions import ClientError

from rtdts.delivery_store.batches import batch_get, query_all
from rtdts.delivery_store.errors import DeliveryErased, TooManyShares
from rtdts.delivery_store.items import from_item, to_attribute, to_item
from rtdts.delivery_store.schema import ERASED_ATTRIBUTE, TTL_ATTRIBUTE, TableNames
from rtdts.delivery_store.socket_limits import Rate
from rtdts.delivery_store.transactions import Write, write_together
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.identifiers import ID_FORM
from rtdts.tracking.shares import Share

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef, UniversalAttributeValueTypeDef

MAX_SHARES: Final = 20
"""Live shares of a delivery, by default."""
MAX_TOKEN_CHARACTERS: Final = 64 + 1 + 43

_RANDOM_BYTES: Final = 32
_SEPARATOR: Final = "~"
"""No id contains it, and no URL needs to escape it."""
_FORM = re.compile(rf"({ID_FORM}){_SEPARATOR}[A-Za-z0-9_-]{{43}}")
_SHARE_ID_FORM = re.compile(r"[0-9a-f]{16}")
_SHARE_ID_LENGTH: Final = 16
_ENDED_KEPT: Final = 100
"""Shares kept per delivery; beyond this, the oldest revoked and expired ones are deleted."""
_EXISTS: Final = f"attribute_exists(delivery_id) AND attribute_not_exists({ERASED_ATTRIBUTE})"
"""Condition on a delivery's row: it exists, and is not a tombstone."""
_ATTEMPTS: Final = 4
"""Each time that a condition fails, another writer was successful."""


class ShareKey(NamedTuple):
    """The key of a share."""

    delivery_id: str
    share_id: str


class _ShareItem(Share, frozen=True, kw_only=True):
    token_hash: str
    full_at_ms: int = 0
    """When its rate of tickets is fully replenished."""


def is_share_token(text: str) -> bool:
    """Returns whether a text has the form of a token; others are rejected without a request."""
    return len(text) <= MAX_TOKEN_CHARACTERS and _FORM.fullmatch(text) is not None


def is_share_id(text: str) -> bool:
    """Returns whether a text has the form of a share's id."""
    return _SHARE_ID_FORM.fullmatch(text) is not None


class ShareStore:
    """Makes, finds, lists and revokes shares; what boto3 raises passes through.

    Args:
        new_secret: Makes the random part of a token.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        tables: TableNames,
        *,
        new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(_RANDOM_BYTES),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._tables = tables
        self._table = tables.delivery_shares
        self._new_secret = new_secret
        self._sleep = sleep

    def create(
        self,
        delivery: Delivery,
        *,
        created_by: str,
        expires_at_ms: int,
        max_shares: int,
        now_ms: int,
    ) -> tuple[Share, str]:
        """Creates a share of a delivery, unless the delivery was erased meanwhile.

        Simultaneous requests may exceed the limit together. The limit only bounds mistakes, and
        need not be exact.

        Args:
            delivery: The delivery as it is.
            created_by: The dispatcher.
            expires_at_ms: When the share expires.
            max_shares: Live shares that the delivery may have.
            now_ms: The time.

        Returns:
            The share, and its token, which can't be read again later.

        Raises:
            TooManyShares: The delivery has `max_shares` live shares.
            DeliveryErased: The delivery was erased.
            StoreBusy: Contended or throttled for too long; nothing has changed.
        """
        self._ensure_capacity(delivery.delivery_id, max_shares, now_ms)
        token = f"{delivery.delivery_id}{_SEPARATOR}{self._new_secret()}"
        token_hash = _hash(token)
        item = _ShareItem(
            delivery_id=delivery.delivery_id,
            share_id=token_hash[:_SHARE_ID_LENGTH],
            token_hash=token_hash,
            customer_since_version=delivery.customer_since_version,
            created_at_ms=now_ms,
            created_by=created_by,
            expires_at_ms=expires_at_ms,
        )
        exists = Write(
            item={
                "ConditionCheck": {
                    "TableName": self._tables.deliveries,
                    "Key": {"delivery_id": {"S": delivery.delivery_id}},
                    "ConditionExpression": _EXISTS,
                }
            },
            if_condition_failed=DeliveryErased(delivery.delivery_id),
        )
        ttl = {TTL_ATTRIBUTE: expires_at_ms // 1000 + 1}
        put = Write(item={"Put": {"TableName": self._table, "Item": to_item(item, **ttl)}})
        write_together(
            self._client,
            [exists, put],
            sleep=self._sleep,
            operation=f"share {delivery.delivery_id}",
        )
        return _share(item), token

    def by_token(self, token: str) -> Share | None:
        """Returns the share of a token, also when revoked or expired; read consistently.

        Args:
            token: A text that passes `is_share_token`.
        """
        delivery_id, _, _ = token.partition(_SEPARATOR)
        token_hash = _hash(token)
        response = self._client.get_item(
            TableName=self._table,
            Key=_key(ShareKey(delivery_id, token_hash[:_SHARE_ID_LENGTH])),
            ConsistentRead=True,
        )
        if "Item" not in response:
            return None
        item = from_item(response["Item"], _ShareItem)
        # A part of the hash was the key; the whole hash proves the token.
        return _share(item) if hmac.compare_digest(item.token_hash, token_hash) else None

    def get_many(self, keys: Iterable[ShareKey]) -> dict[ShareKey, Share]:
        """Returns those of the shares that exist, read consistently.

        Raises:
            StoreBusy: DynamoDB left keys unread repeatedly.
        """
        expected = [_key(one) for one in dict.fromkeys(keys)]
        items = batch_get(self._client, self._table, expected, sleep=self._sleep)
        shares = [from_item(item, Share) for item in items]
        return {ShareKey(one.delivery_id, one.share_id): one for one in shares}

    def live_and_revoked(self, delivery_id: str, *, now_ms: int) -> list[Share]:
        """Returns a delivery's unexpired shares, by creation time; read consistently."""
        kept = [one for one in self._list_shares(delivery_id) if now_ms < one.expires_at_ms]
        return sorted(kept, key=lambda one: (one.created_at_ms, one.share_id))

    def revoke(self, key: ShareKey, *, now_ms: int) -> bool:
        """Revokes a share, unless it is revoked already; returns whether it exists."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(key),
                UpdateExpression="SET revoked_at_ms = if_not_exists(revoked_at_ms, :now)",
                ConditionExpression="attribute_exists(share_id)",
                ExpressionAttributeValues={":now": {"N": str(now_ms)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def acquire_ticket(self, key: ShareKey, rate: Rate, *, now_ms: int) -> bool:
        """Acquires a ticket of a live share, unless its rate is used up.

        Args:
            key: The share.
            rate: How many tickets it allows; the generic cell rate algorithm, as for sockets.
            now_ms: The time.

        Returns:
            Whether a ticket may be issued. False also when other writers acquired tickets during
            every attempt, or the share was revoked meanwhile.
        """
        unit_ms = rate.ms_per_unit
        last_ms = now_ms + (rate.burst - 1) * unit_ms
        count = "tickets = if_not_exists(tickets, :none) + :one, last_used_at_ms = :now"
        live = "attribute_exists(share_id) AND attribute_not_exists(revoked_at_ms)"
        steps = (
            (
                f"SET full_at_ms = :taken, {count}",
                f"{live} AND (attribute_not_exists(full_at_ms) OR full_at_ms <= :now)",
                {":taken": now_ms + unit_ms},
            ),
            (
                f"SET full_at_ms = full_at_ms + :unit, {count}",
                f"{live} AND full_at_ms > :now AND full_at_ms <= :last",
                {":unit": unit_ms, ":last": last_ms},
            ),
        )
        for attempt in range(_ATTEMPTS):
            update, condition, values = steps[attempt % 2]
            numbers = {**values, ":now": now_ms, ":one": 1, ":none": 0}
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(key),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues={
                        name: {"N": str(number)} for name, number in numbers.items()
                    },
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                if not _may_try_again(error, last_ms):
                    return False
            else:
                return True
        return False

    def _ensure_capacity(self, delivery_id: str, max_shares: int, now_ms: int) -> None:
        stored = self._list_shares(delivery_id)
        if sum(one.is_live(now_ms) for one in stored) >= max_shares:
            raise TooManyShares(delivery_id, max_shares)
        ended = sorted(
            (one for one in stored if not one.is_live(now_ms)), key=lambda one: one.created_at_ms
        )
        for one in ended[: max(0, len(stored) - _ENDED_KEPT + 1)]:
            key = _key(ShareKey(delivery_id, one.share_id))
            self._client.delete_item(TableName=self._table, Key=key)

    def _list_shares(self, delivery_id: str) -> list[Share]:
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "delivery_id = :delivery",
            "ExpressionAttributeValues": {":delivery": {"S": delivery_id}},
            "ConsistentRead": True,
        }
        return [from_item(item, Share) for item in query_all(self._client, query)]


def _key(key: ShareKey) -> dict[str, UniversalAttributeValueTypeDef]:
    return {
        "delivery_id": to_attribute(key.delivery_id),
        "share_id": to_attribute(key.share_id),
    }


def _hash(token: str) -> str:
    # Includes the delivery: a secret is valid for one delivery only. It is random, so a slow hash
    # would gain nothing.
    return hashlib.sha256(token.encode()).hexdigest()


def _share(item: _ShareItem) -> Share:
    return Share(**{name: getattr(item, name) for name in Share.__struct_fields__})


def _may_try_again(error: ClientError, last_ms: int) -> bool:
    """Returns whether a retry may succeed: the item is live, and its rate is not used up."""
    item = dict(error.response).get("Item")
    if not isinstance(item, dict) or "revoked_at_ms" in item:
        return False
    return int(item.get("full_at_ms", {"N": "0"})["N"]) <= last_ms
