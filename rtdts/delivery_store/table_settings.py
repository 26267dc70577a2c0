"""The settings that name the tables, for deployables that use all of them."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.schema import TableNames
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSettings:
    """The part of a deployable's settings that its own settings class adds to."""

    deliveries_table: str = setting("DELIVERIES_TABLE", help="table of deliveries")
    delivery_events_table: str = setting("DELIVERY_EVENTS_TABLE", help="table of the event log")
    truck_matches_table: str = setting("TRUCK_MATCHES_TABLE", help="table of trucks' deliveries")
    subscriptions_table: str = setting("SUBSCRIPTIONS_TABLE", help="table of subscriptions")
    socket_tickets_table: str = setting("SOCKET_TICKETS_TABLE", help="table of socket tickets")
    blocked_identities_table: str = setting(
        "BLOCKED_IDENTITIES_TABLE", help="table of blocked identities and tokens"
    )

    @property
    def tables(self) -> TableNames:
        """The tables' names together."""
        return TableNames(
            deliveries=self.deliveries_table,
            delivery_events=self.delivery_events_table,
            truck_matches=self.truck_matches_table,
            subscriptions=self.subscriptions_table,
            socket_tickets=self.socket_tickets_table,
            blocked_identities=self.blocked_identities_table,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShareTableSettings(TableSettings):
    """The same settings, for deployables that also use shares."""

    delivery_shares_table: str = setting(
        "DELIVERY_SHARES_TABLE", help="table of deliveries' shares"
    )

    @property
    def tables(self) -> TableNames:
        """The tables' names together."""
        return dataclasses.replace(super().tables, delivery_shares=self.delivery_shares_table)
