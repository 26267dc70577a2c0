"""Settings of socket_lambda: of its routes and of its authorizer, which are told the same."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.schema import TableNames
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What socket_lambda reads from its environment."""

    deliveries_table: str = setting("DELIVERIES_TABLE", help="table of deliveries")
    delivery_events_table: str = setting("DELIVERY_EVENTS_TABLE", help="table of the event log")
    truck_matches_table: str = setting("TRUCK_MATCHES_TABLE", help="table of trucks' deliveries")
    subscriptions_table: str = setting("SUBSCRIPTIONS_TABLE", help="table of who follows what")
    socket_tickets_table: str = setting("SOCKET_TICKETS_TABLE", help="table of socket tickets")
    nudge_queue_url: str = setting("NUDGE_QUEUE_URL", help="URL of the queue of nudges")
    socket_management_url: str = setting(
        "SOCKET_MANAGEMENT_URL", help="https URL of the socket's stage, for posting to connections"
    )
    max_tracked: int = setting(
        "MAX_TRACKED",
        default=100,
        minimum=1,
        maximum=10_000,
        help="deliveries that one connection may follow",
    )
    issuer: str = setting("ISSUER", help="issuer of the tokens: the identity provider's URL")
    audience: str = setting("AUDIENCE", help="audience that a token must be for")
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that names its holder"
    )
    keys_kept_s: int = setting(
        "KEYS_KEPT_S",
        default=3600,
        minimum=10,
        maximum=86_400,
        help="seconds for which the identity provider's keys are kept",
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
