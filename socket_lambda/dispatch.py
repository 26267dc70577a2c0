"""Handles each route of the socket."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.push_queue.nudges import SnapshotNudge
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.fleet_messages import encode_fleet_ended
from rtdts.tracking.fleet_view import FleetView
from rtdts.tracking.roles import DISPATCHER, SHARE
from rtdts.tracking.topics import FLEET, delivery_topic, socket_endpoint
from rtdts.tracking.viewer_messages import ErrorReason, encode_ended, encode_error, encode_pong
from rtdts.tracking.viewing import EndReason, may_ever_view
from socket_lambda import routes
from socket_lambda.limits import SocketLimiter
from socket_lambda.messages import (
    InvalidMessage,
    Viewer,
    parse_track,
    parse_track_fleet,
    parse_untrack,
    viewer_of,
)
from socket_lambda.routes import DEFAULT, PING, TRACK, TRACK_FLEET, UNTRACK, UNTRACK_FLEET

_TOO_MANY_REQUESTS: Final = 429


class DeliveryPort(Protocol):
    """The part of the delivery store that is used here."""

    def get(self, delivery_id: str) -> Delivery | None:
        """Returns the current delivery."""


class SubscriptionPort(Protocol):
    """The part of the subscription store that is used here."""

    def add(self, subscription: Subscription) -> None:
        """Writes a subscription."""

    def has(self, topic: str, endpoint: str) -> bool:
        """Returns whether the endpoint follows the topic."""

    def remove(self, topic: str, endpoint: str, *, until_ms: int) -> None:
        """Ends a subscription that began at `until_ms` or before."""

    def remove_endpoint(self, endpoint: str) -> int:
        """Ends all of an endpoint's subscriptions; returns how many."""

    def count_deliveries(self, endpoint: str) -> int:
        """Returns how many deliveries an endpoint follows."""


class SnapshotPort(Protocol):
    """The part of the snapshot queue that is used here."""

    def send(self, nudge: SnapshotNudge, /) -> None:
        """Sends a nudge."""


class PosterPort(Protocol):
    """Posts a message to a connection, or ends it."""

    def post(self, connection_id: str, message: bytes) -> bool:
        """Posts a message; False when the connection is closed."""

    def end(self, connection_id: str) -> None:
        """Ends a connection; one that is closed already counts as ended."""


class Handled(NamedTuple):
    """The outcome of an event, for the log and for the gateway."""

    outcome: str
    status: int = 200
    """For a $connect, any other status rejects the socket."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dispatch:
    """The routes and their dependencies."""

    deliveries: DeliveryPort
    subscriptions: SubscriptionPort
    snapshots: SnapshotPort
    poster: PosterPort
    limits: SocketLimiter
    blocks: BlockList
    max_tracked: int
    now_ms: Callable[[], int]

    def handle(self, event: Mapping[str, Any]) -> Handled:
        """Handles an event.

        Raises:
            KeyError: The gateway sent an unknown event.
        """
        handlers: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
            TRACK: self._track,
            UNTRACK: self._untrack,
            TRACK_FLEET: self._track_fleet,
            UNTRACK_FLEET: self._untrack_fleet,
            PING: self._ping,
            DEFAULT: self._default,
        }
        match event["requestContext"]["routeKey"]:
            case routes.CONNECT:
                return self._connect(viewer_of(event))
            case routes.DISCONNECT:
                return Handled(self._disconnect(event))
            case route if self.limits.may_send(event["requestContext"]["connectionId"]):
                return Handled(self._end_if_revoked(viewer_of(event), handlers[route](event)))
            case _:
                return Handled("too_many_frames")

    def _connect(self, viewer: Viewer) -> Handled:
        # Nothing may be posted to the socket before this returns: the gateway responds with 410.
        if self.limits.opened(viewer.role, viewer.identity, viewer.connection_id):
            return Handled("connected")
        return Handled("too_many_sockets", _TOO_MANY_REQUESTS)

    def _disconnect(self, event: Mapping[str, Any]) -> str:
        endpoint = socket_endpoint(event["requestContext"]["connectionId"])
        removed = self.subscriptions.remove_endpoint(endpoint)
        viewer = viewer_of(event)
        self.limits.ended(viewer.role, viewer.identity, viewer.connection_id)
        return f"removed {removed}"

    def _track(self, event: Mapping[str, Any]) -> str:
        viewer = viewer_of(event)
        try:
            message = parse_track(event)
        except InvalidMessage:
            return self._error(viewer, ErrorReason.BAD_REQUEST)
        if self._is_token_invalid(viewer):
            return self._ended(viewer, message.delivery_id, EndReason.TOKEN_EXPIRED)
        if not self._may_track(viewer, message.delivery_id):
            return self._error(viewer, ErrorReason.NOT_FOUND, message.delivery_id)
        if self._is_at_limit(viewer, message.delivery_id):
            return self._error(viewer, ErrorReason.TOO_MANY, message.delivery_id)
        topic = delivery_topic(message.delivery_id)
        self.subscriptions.add(_subscription(event, viewer, topic))
        # After the subscription: every later change reaches it, so there is no gap between the
        # snapshot and the updates.
        self.snapshots.send(
            SnapshotNudge(
                delivery_id=message.delivery_id,
                connection_id=viewer.connection_id,
                request_id=event["requestContext"]["requestId"],
                since_version=message.since_version,
                subscribed_at_ms=_received_at_ms(event),
            )
        )
        return "tracking"

    def _may_track(self, viewer: Viewer, delivery_id: str) -> bool:
        if viewer.role == SHARE and viewer.delivery_id != delivery_id:
            return False  # the delivery is not even looked up
        delivery = self.deliveries.get(delivery_id)
        if delivery is None:
            return False
        if viewer.role == SHARE:  # the share's state is read with each post
            return True
        return may_ever_view(delivery, role=viewer.role, identity=viewer.identity)

    def _untrack(self, event: Mapping[str, Any]) -> str:
        viewer = viewer_of(event)
        try:
            message = parse_untrack(event)
        except InvalidMessage:
            return self._error(viewer, ErrorReason.BAD_REQUEST)
        self.subscriptions.remove(
            delivery_topic(message.delivery_id),
            socket_endpoint(viewer.connection_id),
            until_ms=_received_at_ms(event),
        )
        return "untracked"

    def _track_fleet(self, event: Mapping[str, Any]) -> str:
        viewer = viewer_of(event)
        if viewer.role != DISPATCHER:
            return self._error(viewer, ErrorReason.FORBIDDEN, topic=FLEET)
        try:
            view = parse_track_fleet(event)
        except InvalidMessage:
            return self._error(viewer, ErrorReason.BAD_REQUEST, topic=FLEET)
        if self._is_token_invalid(viewer):
            message = encode_fleet_ended(EndReason.TOKEN_EXPIRED, sent_at_ms=self.now_ms())
            return self._send(viewer, message, EndReason.TOKEN_EXPIRED.value)
        # The broadcaster reads the fleet's subscriptions every second: no nudge is needed.
        self.subscriptions.add(_subscription(event, viewer, FLEET, view))
        return "tracking the fleet"

    def _untrack_fleet(self, event: Mapping[str, Any]) -> str:
        viewer = viewer_of(event)
        endpoint = socket_endpoint(viewer.connection_id)
        self.subscriptions.remove(FLEET, endpoint, until_ms=_received_at_ms(event))
        return "untracked the fleet"

    def _ping(self, event: Mapping[str, Any]) -> str:
        return self._send(viewer_of(event), encode_pong(sent_at_ms=self.now_ms()), "pong")

    def _default(self, event: Mapping[str, Any]) -> str:
        return self._error(viewer_of(event), ErrorReason.BAD_REQUEST)

    def _is_at_limit(self, viewer: Viewer, delivery_id: str) -> bool:
        # Counted in an index, which lags slightly: the limit only prevents unbounded growth and
        # need not be exact. A delivery that is tracked already may be tracked again.
        endpoint = socket_endpoint(viewer.connection_id)
        if self.subscriptions.count_deliveries(endpoint) < self.max_tracked:
            return False
        return not self.subscriptions.has(delivery_topic(delivery_id), endpoint)

    def _end_if_revoked(self, viewer: Viewer, outcome: str) -> str:
        """Ends the connection of a revoked token once its message has been responded to.

        A connection without subscriptions is in no round: only this check finds it.
        """
        if not self._is_revoked(viewer):
            return outcome
        self.poster.end(viewer.connection_id)
        return f"{outcome}, and the revoked connection is ended"

    def _is_token_invalid(self, viewer: Viewer) -> bool:
        return self.now_ms() >= viewer.token_expires_at_ms or self._is_revoked(viewer)

    def _is_revoked(self, viewer: Viewer) -> bool:
        revoking = self.blocks.current().revoking(
            viewer.role, viewer.identity, viewer.token, self.now_ms()
        )
        return revoking is not None

    def _error(
        self,
        viewer: Viewer,
        reason: ErrorReason,
        delivery_id: str | None = None,
        *,
        topic: str | None = None,
    ) -> str:
        message = encode_error(
            reason, sent_at_ms=self.now_ms(), delivery_id=delivery_id, topic=topic
        )
        return self._send(viewer, message, reason.value)

    def _ended(self, viewer: Viewer, delivery_id: str, reason: EndReason) -> str:
        message = encode_ended(delivery_id, reason, sent_at_ms=self.now_ms())
        return self._send(viewer, message, reason.value)

    def _send(self, viewer: Viewer, message: bytes, outcome: str) -> str:
        delivered = self.poster.post(viewer.connection_id, message)
        return outcome if delivered else f"{outcome}, to a connection that is gone"


def _subscription(
    event: Mapping[str, Any], viewer: Viewer, topic: str, view: FleetView | None = None
) -> Subscription:
    return Subscription(
        topic=topic,
        endpoint=socket_endpoint(viewer.connection_id),
        role=viewer.role,
        identity=viewer.identity,
        token_expires_at_ms=viewer.token_expires_at_ms,
        token_id=viewer.token.token_id,
        token_issued_at_ms=viewer.token.issued_at_ms,
        subscribed_at_ms=_received_at_ms(event),
        view=view,
    )


def _received_at_ms(event: Mapping[str, Any]) -> int:
    """Returns when the gateway received the event: the same clock for all containers."""
    return int(event["requestContext"]["requestTimeEpoch"])
