"""Settings of delivery_lambda."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.deliveries import CLOSED_KEPT_DAYS
from rtdts.delivery_store.matches import MAX_OPEN_DELIVERIES
from rtdts.delivery_store.table_settings import TableSettings
from rtdts.runtime import edge
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TableSettings):
    """What delivery_lambda reads from its environment."""

    nudge_queue_url: str = setting("NUDGE_QUEUE_URL", help="URL of the queue of nudges")
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that names its holder"
    )
    edge_secrets: str = setting("EDGE_SECRETS", default="", help=edge.HELP)
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
    closed_kept_days: int = setting(
        "CLOSED_KEPT_DAYS",
        default=CLOSED_KEPT_DAYS,
        minimum=1,
        maximum=3650,
        help="days for which a delivery and its log are kept after it was closed",
    )
