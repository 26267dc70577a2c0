"""Nudges: requests to push a delivery now, without waiting for the next round.

Every field is bounded: a value that a store would reject is not a nudge, and is set aside
unhandled.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from rtdts.tracking.deliveries import MAX_VERSION
from rtdts.tracking.identifiers import Identifier
from rtdts.tracking.topics import socket_endpoint

_GatewayId = Annotated[str, Meta(min_length=1, max_length=60)]
"""Id of a connection or a request, by API Gateway: some 16 characters. Two of them and their
separators fit a deduplication id of 128."""


class TransitionNudge(msgspec.Struct, frozen=True, kw_only=True, tag="transition"):
    """A delivery's log grew, for whatever reason: its viewers are notified at once."""

    delivery_id: Identifier
    version: Annotated[int, Meta(ge=1, le=MAX_VERSION)]
    by_person: bool = False
    """Whether no point of a truck caused it: then no point brings it to ``truck-latest`` either."""

    @property
    def deduplication_id(self) -> str:
        """Delivery and version: one push per transition, however often it is written again."""
        return f"t:{self.delivery_id}:{self.version}"

    @property
    def group_id(self) -> str:
        """The delivery: its changes are received in order."""
        return self.delivery_id


class PositionNudge(msgspec.Struct, frozen=True, kw_only=True, tag="position"):
    """A truck near its destination moved: its viewers are updated more than once a minute."""

    delivery_id: Identifier
    event_at_ms: Annotated[int, Meta(ge=0, le=2**53)]

    @property
    def deduplication_id(self) -> str:
        """Delivery and second: at most one push per second."""
        return f"p:{self.delivery_id}:{self.event_at_ms // 1000}"

    @property
    def group_id(self) -> str:
        """The delivery: its changes are received in order."""
        return self.delivery_id


class SnapshotNudge(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot"):
    """A viewer has just begun to track: send the snapshot to this one connection."""

    delivery_id: Identifier
    connection_id: _GatewayId
    """The name must not change: during a deployment, older and newer versions read it."""
    request_id: _GatewayId
    since_version: Annotated[int, Meta(ge=0, le=MAX_VERSION)] = 0
    subscribed_at_ms: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """Start of the subscription that the same request wrote. If the subscription was renewed
    since then, another nudge follows, and this one is done."""

    @property
    def endpoint(self) -> str:
        """Where the snapshot goes."""
        return socket_endpoint(self.connection_id)

    @property
    def deduplication_id(self) -> str:
        """Connection and request."""
        return f"s:{self.connection_id}:{self.request_id}"

    @property
    def group_id(self) -> str:
        """The viewer: among a delivery's thousands of viewers none waits for another's snapshot."""
        return f"{self.connection_id}:{self.delivery_id}"


class ShareNudge(msgspec.Struct, frozen=True, kw_only=True, tag="share"):
    """A share was revoked: the sockets that were opened with it are closed at once."""

    delivery_id: Identifier
    share_id: Identifier

    @property
    def deduplication_id(self) -> str:
        """Delivery and share: a share is revoked once, and permanently."""
        return f"r:{self.delivery_id}:{self.share_id}"

    @property
    def group_id(self) -> str:
        """The share: it is not ordered with the delivery's positions, nor waits for them."""
        return f"{self.delivery_id}:{self.share_id}"


Nudge = TransitionNudge | PositionNudge | SnapshotNudge | ShareNudge
