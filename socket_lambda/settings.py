"""Settings of the socket's routes; the authorizer has its own, in `authorizer_settings.py`."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.table_settings import TableSettings
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TableSettings):
    """Settings of the socket's routes."""

    snapshot_queue_url: str = setting("SNAPSHOT_QUEUE_URL", help="URL of the queue of snapshots")
    socket_management_url: str = setting(
        "SOCKET_MANAGEMENT_URL", help="https URL of the socket's stage, for posting to connections"
    )
    socket_limits_table: str = setting(
        "SOCKET_LIMITS_TABLE",
        help="table of open sockets and of the number of messages sent on them",
    )
    max_tracked: int = setting(
        "MAX_TRACKED",
        default=100,
        minimum=1,
        maximum=10_000,
        help="deliveries that one connection may follow",
    )
    max_sockets: int = setting(
        "MAX_SOCKETS",
        default=20,
        minimum=1,
        maximum=200,
        help="sockets that one identity may have open; one more ends the oldest",
    )
    connects_per_minute: float = setting(
        "CONNECTS_PER_MINUTE",
        default=6,
        minimum=1,
        maximum=6_000,
        help="sockets that one identity may open per minute, as a mean; twice MAX_SOCKETS at once",
    )
    frames_per_minute: float = setting(
        "FRAMES_PER_MINUTE",
        default=30,
        minimum=1,
        maximum=6_000,
        help="messages that one connection may send per minute, as a mean; twice MAX_TRACKED at "
        "once",
    )
