"""Settings of delivery_lambda."""

from __future__ import annotations

import dataclasses

from delivery_lambda.share_service import ShareRules
from rtdts.delivery_store.deliveries import CLOSED_RETENTION_DAYS
from rtdts.delivery_store.matches import MAX_OPEN_DELIVERIES
from rtdts.delivery_store.shares import MAX_SHARES
from rtdts.delivery_store.table_settings import ShareTableSettings
from rtdts.runtime import edge, origins
from rtdts.runtime.settings import setting

SECONDS_PER_DAY = 86_400


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ShareTableSettings):
    """Settings of delivery_lambda."""

    nudge_queue_url: str = setting("NUDGE_QUEUE_URL", help="URL of the queue of nudges")
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that contains the identity"
    )
    edge_secrets: str = setting("EDGE_SECRETS", default="", help=edge.HELP)
    allowed_origins: str = setting("ALLOWED_ORIGINS", default="", help=origins.HELP)
    share_max_days: int = setting(
        "SHARE_MAX_DAYS",
        default=30,
        minimum=1,
        maximum=365,
        help="maximum number of days for which a share may be valid",
    )
    max_shares: int = setting(
        "MAX_SHARES",
        default=MAX_SHARES,
        minimum=1,
        maximum=100,
        help="valid shares that one delivery may have",
    )
    share_tickets_per_minute: float = setting(
        "SHARE_TICKETS_PER_MINUTE",
        default=6,
        minimum=1,
        maximum=6_000,
        help="tickets that one share gives per minute, as a mean; 40 at once",
    )
    viewing_minutes: int = setting(
        "VIEWING_MINUTES",
        default=30,
        minimum=0,
        maximum=24 * 60,
        help="minutes after its end for which a share still shows a delivery; must equal the "
        "broadcaster's",
    )
    requests_per_minute: int = setting(
        "REQUESTS_PER_MINUTE",
        default=120,
        minimum=1,
        maximum=60_000,
        help="requests that one customer or truck may send per minute to one instance, as a mean "
        "over 5 minutes; dispatchers have no limit of their own",
    )
    max_open_deliveries: int = setting(
        "MAX_OPEN_DELIVERIES",
        default=MAX_OPEN_DELIVERIES,
        minimum=1,
        maximum=500,
        help="open deliveries that one truck may have",
    )
    closed_retention_days: int = setting(
        "CLOSED_RETENTION_DAYS",
        default=CLOSED_RETENTION_DAYS,
        minimum=1,
        maximum=3650,
        help="days for which a delivery and its log are kept after it was closed",
    )

    @property
    def share_rules(self) -> ShareRules:
        """The settings of shares."""
        return ShareRules(
            max_life_s=self.share_max_days * SECONDS_PER_DAY,
            max_live=self.max_shares,
            tickets_per_minute=self.share_tickets_per_minute,
            viewing_minutes=self.viewing_minutes,
        )
