"""Settings of the socket's routes; the authorizer has its own, in `authorizer_settings.py`."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.table_settings import TableSettings
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TableSettings):
    """What the routes read from their environment."""

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
