"""Settings of delivery_lambda."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.matches import MAX_OPEN_DELIVERIES
from rtdts.delivery_store.schema import TableNames
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What delivery_lambda reads from its environment."""

    deliveries_table: str = setting("DELIVERIES_TABLE", help="table of deliveries")
    delivery_events_table: str = setting("DELIVERY_EVENTS_TABLE", help="table of the event log")
    truck_matches_table: str = setting("TRUCK_MATCHES_TABLE", help="table of trucks' deliveries")
    subscriptions_table: str = setting("SUBSCRIPTIONS_TABLE", help="table of who follows what")
    socket_tickets_table: str = setting("SOCKET_TICKETS_TABLE", help="table of socket tickets")
    nudge_queue_url: str = setting("NUDGE_QUEUE_URL", help="URL of the queue of nudges")
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that names its holder"
    )
    max_open_deliveries: int = setting(
        "MAX_OPEN_DELIVERIES",
        default=MAX_OPEN_DELIVERIES,
        minimum=1,
        maximum=500,
        help="open deliveries that one truck may have",
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
        )
