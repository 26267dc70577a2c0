"""All DynamoDB tables as data: the local cloud and Terraform create them.

The KCL's three tables are in `deploy.kcl_tables`.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Literal

from rtdts.delivery_store.schema import (
    BY_BUCKET,
    BY_CUSTOMER,
    BY_ENDPOINT,
    BY_TRUCK,
    TTL_ATTRIBUTE,
)


class AttributeType(enum.StrEnum):
    """DynamoDB's name for the type of a key attribute."""

    STRING = "S"
    NUMBER = "N"


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyAttribute:
    """An attribute that is part of a key."""

    name: str
    type: AttributeType = AttributeType.STRING


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexDefinition:
    """A global secondary index; `included` names what it carries beyond the keys."""

    name: str
    hash_key: KeyAttribute
    range_key: KeyAttribute | None = None
    included: tuple[str, ...] = ()

    @property
    def projection_type(self) -> Literal["KEYS_ONLY", "INCLUDE"]:
        """DynamoDB's name for the projection: never ALL, because an index is paid for again."""
        return "INCLUDE" if self.included else "KEYS_ONLY"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableDefinition:
    """A table: its logical name (a field of `TableNames`), keys, indexes and expiry."""

    logical_name: str
    hash_key: KeyAttribute
    range_key: KeyAttribute | None = None
    indexes: tuple[IndexDefinition, ...] = ()
    ttl_attribute: str | None = None

    @property
    def key_attributes(self) -> tuple[KeyAttribute, ...]:
        """Every attribute that any key of the table or of its indexes uses, each once."""
        keys = [self.hash_key, self.range_key]
        for index in self.indexes:
            keys += [index.hash_key, index.range_key]
        return tuple(dict.fromkeys(key for key in keys if key is not None))


_DELIVERY_ID = KeyAttribute(name="delivery_id")
_TRUCK_ID = KeyAttribute(name="truck_id")
_TOPIC = KeyAttribute(name="topic")
_ENDPOINT = KeyAttribute(name="endpoint")
_CREATED_AT = KeyAttribute(name="created_at_ms", type=AttributeType.NUMBER)

DELIVERIES = TableDefinition(
    logical_name="deliveries",
    hash_key=_DELIVERY_ID,
    # For lists only. They carry the status so that a list can be filtered without reading rows;
    # the rows themselves are then read from the table, consistently. Ordered by creation, which
    # never changes: paging by a time that changes would skip and repeat.
    indexes=(
        IndexDefinition(
            name=BY_CUSTOMER,
            hash_key=KeyAttribute(name="customer_id"),
            range_key=_CREATED_AT,
            included=("status",),
        ),
        IndexDefinition(
            name=BY_TRUCK,
            hash_key=_TRUCK_ID,
            range_key=_CREATED_AT,
            included=("status", "closed_at_ms"),
        ),
    ),
    ttl_attribute=TTL_ATTRIBUTE,
)

DELIVERY_EVENTS = TableDefinition(
    logical_name="delivery_events",
    hash_key=_DELIVERY_ID,
    range_key=KeyAttribute(name="version", type=AttributeType.NUMBER),
    ttl_attribute=TTL_ATTRIBUTE,
)

TRUCK_MATCHES = TableDefinition(logical_name="truck_matches", hash_key=_TRUCK_ID)

SUBSCRIPTIONS = TableDefinition(
    logical_name="subscriptions",
    hash_key=_TOPIC,
    range_key=_ENDPOINT,
    indexes=(
        IndexDefinition(name=BY_ENDPOINT, hash_key=_ENDPOINT),
        # A round reads a bucket delivery by delivery, and needs nothing of the base table. A
        # subscription to no delivery has no bucket, and so is not in the index.
        IndexDefinition(
            name=BY_BUCKET,
            hash_key=KeyAttribute(name="bucket", type=AttributeType.NUMBER),
            range_key=_TOPIC,
            included=(
                "role",
                "identity",
                "token_expires_at_ms",
                "token_id",
                "token_issued_at_ms",
                "subscribed_at_ms",
            ),
        ),
    ),
    ttl_attribute=TTL_ATTRIBUTE,
)

SOCKET_TICKETS = TableDefinition(
    logical_name="socket_tickets",
    hash_key=KeyAttribute(name="ticket_hash"),
    ttl_attribute=TTL_ATTRIBUTE,
)

SOCKET_LIMITS = TableDefinition(
    logical_name="socket_limits",
    hash_key=KeyAttribute(name="limit_of"),
    ttl_attribute=TTL_ATTRIBUTE,
)

BLOCKED_IDENTITIES = TableDefinition(
    logical_name="blocked_identities",
    hash_key=KeyAttribute(name="subject"),
    range_key=KeyAttribute(name="kind"),
    ttl_attribute=TTL_ATTRIBUTE,
)

DEVICE_CREDENTIALS = TableDefinition(
    logical_name="device_credentials", hash_key=KeyAttribute(name="secret_hash")
)

DELIVERY_SHARES = TableDefinition(
    logical_name="delivery_shares",
    hash_key=_DELIVERY_ID,
    range_key=KeyAttribute(name="share_id"),
    ttl_attribute=TTL_ATTRIBUTE,
)

TABLES = (
    DELIVERIES,
    DELIVERY_EVENTS,
    TRUCK_MATCHES,
    SUBSCRIPTIONS,
    SOCKET_TICKETS,
    SOCKET_LIMITS,
    BLOCKED_IDENTITIES,
    DEVICE_CREDENTIALS,
    DELIVERY_SHARES,
)
