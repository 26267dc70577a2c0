"""What a nudge says: look at this delivery now, do not wait for the next round."""

from __future__ import annotations

import msgspec


class TransitionNudge(msgspec.Struct, frozen=True, kw_only=True, tag="transition"):
    """A delivery's log grew, by whatever cause: its viewers hear of it at once."""

    delivery_id: str
    version: int

    @property
    def deduplication_id(self) -> str:
        """Delivery and version: one push a transition, however often it is written again."""
        return f"t:{self.delivery_id}:{self.version}"


class PositionNudge(msgspec.Struct, frozen=True, kw_only=True, tag="position"):
    """A truck near its destination moved: its viewers see it more often than once a minute."""

    delivery_id: str
    event_at_ms: int

    @property
    def deduplication_id(self) -> str:
        """Delivery and second: at most one push a second."""
        return f"p:{self.delivery_id}:{self.event_at_ms // 1000}"


class SnapshotNudge(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot"):
    """Somebody has just begun to track: send the whole picture to this one connection."""

    delivery_id: str
    connection_id: str
    request_id: str
    since_version: int = 0

    @property
    def deduplication_id(self) -> str:
        """Connection and request."""
        return f"s:{self.connection_id}:{self.request_id}"


Nudge = TransitionNudge | PositionNudge | SnapshotNudge
"""Message group is always the delivery."""
