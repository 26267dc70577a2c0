"""Names of DynamoDB tables, indexes and attributes; `deploy.tables` defines the tables."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableNames:
    """The tables' names in this environment; a component leaves out those that it does not use."""

    deliveries: str
    delivery_events: str
    truck_matches: str
    subscriptions: str
    socket_tickets: str
    socket_limits: str = ""
    blocked_identities: str = ""
    device_credentials: str = ""
    delivery_shares: str = ""


BY_CUSTOMER = "by-customer"
BY_TRUCK = "by-truck"
BY_ENDPOINT = "by-endpoint"
BY_BUCKET = "by-bucket"

TTL_ATTRIBUTE = "expires_at_s"
"""DynamoDB deletes an item some time (up to days) after this epoch second: no reader relies on it,
and each checks the relevant times itself."""

ERASED_ATTRIBUTE = "erased_at_ms"
"""A row of ``deliveries`` that has it is a tombstone: the delivery can't be created again."""
