"""What a nudge says: look at this delivery now, do not wait for the next round.

Every field is bounded: what a store would refuse is no nudge, and is set aside unhandled.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from rtdts.tracking.deliveries import MAX_VERSION
from rtdts.tracking.identifiers import Identifier

_GatewayId = Annotated[str, Meta(min_length=1, max_length=60)]
"""Of a connection or a request, by API Gateway: some 16 characters. Two of them and what stands
around them fit a deduplication id of 128."""


class TransitionNudge(msgspec.Struct, frozen=True, kw_only=True, tag="transition"):
    """A delivery's log grew, by whatever cause: its viewers hear of it at once."""

    delivery_id: Identifier
    version: Annotated[int, Meta(ge=1, le=MAX_VERSION)]
    by_person: bool = False
    """Whether no point of a truck caused it: then none brings it into ``truck-latest`` either."""

    @property
    def deduplication_id(self) -> str:
        """Delivery and version: one push a transition, however often it is written again."""
        return f"t:{self.delivery_id}:{self.version}"

    @property
    def group_id(self) -> str:
        """The delivery: its changes come in order."""
        return self.delivery_id


class PositionNudge(msgspec.Struct, frozen=True, kw_only=True, tag="position"):
    """A truck near its destination moved: its viewers see it more often than once a minute."""

    delivery_id: Identifier
    event_at_ms: Annotated[int, Meta(ge=0, le=2**53)]

    @property
    def deduplication_id(self) -> str:
        """Delivery and second: at most one push a second."""
        return f"p:{self.delivery_id}:{self.event_at_ms // 1000}"

    @property
    def group_id(self) -> str:
        """The delivery: its changes come in order."""
        return self.delivery_id


class SnapshotNudge(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot"):
    """Somebody has just begun to track: send the whole picture to this one connection."""

    delivery_id: Identifier
    connection_id: _GatewayId
    request_id: _GatewayId
    since_version: Annotated[int, Meta(ge=0, le=MAX_VERSION)] = 0
    subscribed_at_ms: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Of the subscription that the same request wrote. When it was begun anew since then, another
    nudge is on its way, and this one is done with."""

    @property
    def deduplication_id(self) -> str:
        """Connection and request."""
        return f"s:{self.connection_id}:{self.request_id}"

    @property
    def group_id(self) -> str:
        """The viewer: of a delivery with thousands of viewers none waits for another's."""
        return f"{self.connection_id}:{self.delivery_id}"


class ShareNudge(msgspec.Struct, frozen=True, kw_only=True, tag="share"):
    """A share was revoked: the sockets that were opened by it end at once."""

    delivery_id: Identifier
    share_id: Identifier

    @property
    def deduplication_id(self) -> str:
        """Delivery and share: it is revoked once, and for good."""
        return f"r:{self.delivery_id}:{self.share_id}"

    @property
    def group_id(self) -> str:
        """The share: it has no order with the delivery's positions, and waits for none of them."""
        return f"{self.delivery_id}:{self.share_id}"


Nudge = TransitionNudge | PositionNudge | SnapshotNudge | ShareNudge
