"""``delivery-events``: writes that append to a delivery's log, and writes that set its expiry."""

from __future__ import annotations

from rtdts.delivery_store.errors import VersionConflict
from rtdts.delivery_store.items import to_item
from rtdts.delivery_store.schema import TTL_ATTRIBUTE
from rtdts.delivery_store.transactions import Write
from rtdts.tracking.deliveries import DeliveryEvent


def append_write(table: str, event: DeliveryEvent, *, expires_at_s: int | None) -> Write:
    """Creates the write of an event, which never overwrites another.

    Without `expires_at_s`, the event never expires.
    """
    return Write(
        item={
            "Put": {
                "TableName": table,
                "Item": to_item(event, **{TTL_ATTRIBUTE: expires_at_s}),
                "ConditionExpression": "attribute_not_exists(delivery_id)",
            }
        },
        if_condition_failed=VersionConflict(event.delivery_id),
    )


def expiry_write(table: str, delivery_id: str, version: int, *, expires_at_s: int) -> Write:
    """Creates the write that sets the expiry of an event in the log."""
    return Write(
        item={
            "Update": {
                "TableName": table,
                "Key": {"delivery_id": {"S": delivery_id}, "version": {"N": str(version)}},
                "UpdateExpression": f"SET {TTL_ATTRIBUTE} = :expires",
                # Otherwise an event that an erasure has just deleted would be recreated, empty.
                "ConditionExpression": "attribute_exists(delivery_id)",
                "ExpressionAttributeValues": {":expires": {"N": str(expires_at_s)}},
            }
        },
        if_condition_failed=VersionConflict(delivery_id),
    )
