"""A share: a link whose holder may view one delivery without an account."""

from __future__ import annotations

import msgspec

from rtdts.tracking.deliveries import Delivery


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A right to view one delivery as its customer does; it can expire and be revoked."""

    delivery_id: str
    share_id: str
    """Identifies it, and proves nothing: the first 16 hex digits of its token's hash."""
    customer_since_version: int
    """The delivery's value when the share was created: if the customer changes, the share ends."""
    created_at_ms: int
    created_by: str
    """The dispatcher's identity."""
    expires_at_ms: int
    revoked_at_ms: int | None = None
    tickets: int = 0
    """How many tickets were issued for it."""
    last_used_at_ms: int | None = None
    """When the last ticket was issued."""

    def is_live(self, now_ms: int) -> bool:
        """Returns whether it is neither revoked nor expired."""
        return self.revoked_at_ms is None and now_ms < self.expires_at_ms

    def applies_to(self, delivery: Delivery) -> bool:
        """Returns whether it was made for this delivery and its current customer."""
        return (self.delivery_id, self.customer_since_version) == (
            delivery.delivery_id,
            delivery.customer_since_version,
        )
