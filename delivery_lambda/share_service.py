"""Shares: links that show a delivery without an account."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from delivery_lambda.documents import share_document, shared_delivery_document
from delivery_lambda.requests import Request, parse_share_life_s, parse_share_token
from delivery_lambda.responses import no_such_share
from rtdts.delivery_store.errors import StoreBusy
from rtdts.delivery_store.shares import ShareKey, is_share_id, is_share_token
from rtdts.delivery_store.socket_limits import Rate
from rtdts.delivery_store.tickets import Ticket, TicketHolder
from rtdts.push_queue.nudges import Nudge, ShareNudge
from rtdts.runtime.http_api import Response, json_response, no_content, over_quota
from rtdts.runtime.logs import Logger
from rtdts.runtime.rate_limits import RateLimits
from rtdts.tracking.blocks import NO_TOKEN, Blocks
from rtdts.tracking.deliveries import Delivery, DeliveryEvent
from rtdts.tracking.instants import format_instant
from rtdts.tracking.roles import SHARE
from rtdts.tracking.shares import Share
from rtdts.tracking.truck_stops import TruckStops
from rtdts.tracking.viewer_scope import is_numbered, stops_before
from rtdts.tracking.viewing import is_viewing_over

TICKETS_BURST: Final = 40
"""Tickets that a share issues at once: as many as sockets that one identity may open at once."""

SHARE_LIFE_S: Final = 7 * 86_400
"""A share's lifetime if the request sets none. A client that needs another one sets it."""

_NO_STORE: Final = {"Cache-Control": "no-store"}


class DeliveryPort(Protocol):
    """The part of the delivery store that is used here."""

    def get(self, delivery_id: str) -> Delivery | None:
        """Returns the current delivery."""

    def events(self, delivery_id: str, after_version: int = 0) -> list[DeliveryEvent]:
        """Returns a delivery's log."""


class SharePort(Protocol):
    """See `rtdts.delivery_store.shares.ShareStore`."""

    def create(
        self,
        delivery: Delivery,
        *,
        created_by: str,
        expires_at_ms: int,
        max_shares: int,
        now_ms: int,
    ) -> tuple[Share, str]:
        """Creates a share; returns it and its token."""

    def by_token(self, token: str) -> Share | None:
        """Returns the share of a token."""

    def live_and_revoked(self, delivery_id: str, *, now_ms: int) -> list[Share]:
        """Returns a delivery's shares."""

    def revoke(self, key: ShareKey, *, now_ms: int) -> bool:
        """Revokes a share; returns whether there is one."""

    def acquire_ticket(self, key: ShareKey, rate: Rate, *, now_ms: int) -> bool:
        """Counts a ticket, unless the rate is used up."""


class StopPort(Protocol):
    """The part of the match store that is used here."""

    def stops_of(self, truck_ids: Iterable[str]) -> Mapping[str, TruckStops]:
        """Returns the stops ahead of each truck."""


class TicketPort(Protocol):
    """The part of the ticket store that is used here."""

    def issue(self, holder: TicketHolder, now_ms: int) -> Ticket:
        """Issues a ticket."""


class NudgePort(Protocol):
    """The part of the nudge queue that is used here."""

    def send(self, nudge: Nudge, /) -> None:
        """Sends a nudge."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShareRules:
    """The settings of shares.

    Attributes:
        max_life_s: Maximum lifetime of a share.
        max_live: Live shares that a delivery may have.
        tickets_per_minute: Tickets that a share issues, as a mean.
        viewing_minutes: How long a closed delivery may be viewed, as for all viewers.
    """

    max_life_s: int
    max_live: int
    tickets_per_minute: float
    viewing_minutes: int

    @property
    def tickets(self) -> Rate:
        """How many tickets a share issues, by all containers together."""
        return Rate(per_minute=self.tickets_per_minute, burst=TICKETS_BURST)


class ShareService:
    """The routes of shares.

    Args:
        stops: Reads the stops before a delivery.
        tickets: Issues tickets for sockets.
        nudges: Where a revocation is announced.
    """

    def __init__(
        self,
        deliveries: DeliveryPort,
        shares: SharePort,
        stops: StopPort,
        tickets: TicketPort,
        nudges: NudgePort,
        *,
        rules: ShareRules,
        log: Logger,
        now_ms: Callable[[], int],
    ) -> None:
        self._deliveries = deliveries
        self._shares = shares
        self._stops = stops
        self._tickets = tickets
        self._nudges = nudges
        self._rules = rules
        self._log = log
        self._now_ms = now_ms
        # Limits each container's reads for one token, before the table is read: a token that is
        # used too often, valid or not, costs nothing more.
        self._attempts = RateLimits(
            per_minute=rules.tickets_per_minute,
            burst_minutes=TICKETS_BURST / rules.tickets_per_minute,
        )

    def create(self, request: Request, delivery: Delivery, created_by: str) -> Response:
        """Creates a share of an open delivery.

        Raises:
            InvalidRequest: The body is not valid.
            TooManyShares: The delivery has the maximum number of shares.
            DeliveryErased: The delivery was erased meanwhile.
        """
        life_s = parse_share_life_s(request, default_s=SHARE_LIFE_S, max_s=self._rules.max_life_s)
        now_ms = self._now_ms()
        share, token = self._shares.create(
            delivery,
            created_by=created_by,
            expires_at_ms=now_ms + life_s * 1_000,
            max_shares=self._rules.max_live,
            now_ms=now_ms,
        )
        document = {
            "share_id": share.share_id,
            "token": token,
            "created_at": format_instant(share.created_at_ms),
            "expires_at": format_instant(share.expires_at_ms),
        }
        return json_response(HTTPStatus.CREATED, document, headers=_NO_STORE)

    def list(self, delivery: Delivery) -> Response:
        """Lists a delivery's shares."""
        shares = self._shares.live_and_revoked(delivery.delivery_id, now_ms=self._now_ms())
        return json_response(HTTPStatus.OK, {"shares": [share_document(one) for one in shares]})

    def revoke(self, request: Request, delivery: Delivery) -> Response | None:
        """Revokes a share; returns None when the delivery has no share of this id."""
        now_ms = self._now_ms()
        key = ShareKey(delivery.delivery_id, request.share_id)
        if not is_share_id(request.share_id) or not self._shares.revoke(key, now_ms=now_ms):
            return None
        nudge = ShareNudge(delivery_id=delivery.delivery_id, share_id=request.share_id)
        try:
            self._nudges.send(nudge)
        except (BotoCoreError, ClientError) as error:
            # The share is revoked, and shows nothing more; the next round notifies its sockets.
            self._log.exception("nudge_not_sent", error, delivery_id=delivery.delivery_id)
        return no_content()

    def ticket(self, request: Request, blocks: Blocks) -> Response:
        """Returns what a share shows, with a ticket for its socket; 404 if it opens nothing.

        Raises:
            InvalidRequest: There is no token in the body.
        """
        token = parse_share_token(request)
        if not is_share_token(token):  # a malformed token should cost no request
            return no_such_share()
        now_ms = self._now_ms()
        if (wait_ms := self._attempts.wait_ms(token, now_ms)) > 0:
            return _too_often(wait_ms)
        self._attempts.spend(token, 1, now_ms)
        share = self._shares.by_token(token)
        delivery = self._shown(share, blocks, now_ms) if share is not None else None
        if share is None or delivery is None:
            return no_such_share()
        document = shared_delivery_document(
            delivery,
            self._deliveries.events(delivery.delivery_id),
            stops_before=self._stops_before(delivery),
        )
        key, rate = ShareKey(share.delivery_id, share.share_id), self._rules.tickets
        if not self._shares.acquire_ticket(key, rate, now_ms=now_ms):
            return _too_often(rate.ms_per_unit)
        holder = TicketHolder(
            role=SHARE,
            identity=share.share_id,
            token_expires_at_ms=share.expires_at_ms,
            delivery_id=share.delivery_id,
        )
        ticket = self._tickets.issue(holder, now_ms)
        response = {
            "ticket": ticket.ticket,
            "expires_at": format_instant(ticket.expires_at_ms),
            "delivery": document,
        }
        return json_response(HTTPStatus.CREATED, response, headers=_NO_STORE)

    def _shown(self, share: Share, blocks: Blocks, now_ms: int) -> Delivery | None:
        """Returns the share's delivery, if the share opens it now."""
        if not share.is_live(now_ms) or blocks.revoking(SHARE, share.share_id, NO_TOKEN, now_ms):
            return None
        delivery = self._deliveries.get(share.delivery_id)
        if delivery is None or not share.applies_to(delivery):
            return None
        minutes = self._rules.viewing_minutes
        is_over = is_viewing_over(delivery, now_ms=now_ms, viewing_minutes=minutes)
        return None if is_over else delivery

    def _stops_before(self, delivery: Delivery) -> int | None:
        if not is_numbered(delivery):
            return None
        try:
            stops = self._stops.stops_of([delivery.truck_id])
        except (StoreBusy, BotoCoreError, ClientError) as error:  # the status matters more
            self._log.exception("stops_unavailable", error, trucks=1)
            return None
        return stops_before(delivery, stops.get(delivery.truck_id))


def _too_often(wait_ms: float) -> Response:
    return over_quota("too many tickets of this share; try again later", wait_ms)
