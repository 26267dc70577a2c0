"""The settings that name the tables."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.schema import TableNames
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockSettings:
    """Base of the settings of deployables that use the blocks."""

    blocked_identities_table: str = setting(
        "BLOCKED_IDENTITIES_TABLE", help="table of blocked identities and tokens"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeliveryTableSettings(BlockSettings):
    """Base of the settings of deployables that also use deliveries."""

    deliveries_table: str = setting("DELIVERIES_TABLE", help="table of deliveries")
    delivery_events_table: str = setting("DELIVERY_EVENTS_TABLE", help="table of the event log")
    truck_matches_table: str = setting("TRUCK_MATCHES_TABLE", help="table of trucks' deliveries")

    @property
    def tables(self) -> TableNames:
        """All tables' names; empty for tables that the deployable does not use."""
        names = [one.name for one in dataclasses.fields(TableNames)]
        return TableNames(**{name: getattr(self, f"{name}_table", "") for name in names})


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSettings(DeliveryTableSettings):
    """Base of the settings of deployables that also use connections."""

    subscriptions_table: str = setting("SUBSCRIPTIONS_TABLE", help="table of subscriptions")
    socket_tickets_table: str = setting("SOCKET_TICKETS_TABLE", help="table of socket tickets")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShareTableSettings(TableSettings):
    """Base of the settings of deployables that also use shares."""

    delivery_shares_table: str = setting(
        "DELIVERY_SHARES_TABLE", help="table of deliveries' shares"
    )
