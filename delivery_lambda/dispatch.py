"""Handles each route: read, decide, write, nudge, respond."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from delivery_lambda.access import CALLERS, DECLARABLE, closed_since_ms, may_see
from delivery_lambda.cursors import InvalidCursor, decode_cursor, encode_cursor
from delivery_lambda.decisions import (
    Change,
    Decision,
    Reason,
    Rejection,
    Unchanged,
    decide_declaration,
    decide_plan,
)
from delivery_lambda.documents import delivery_document, summary_document
from delivery_lambda.requests import (
    InvalidRequest,
    Request,
    parse_declaration,
    parse_expected_version,
    parse_owner_filter,
    parse_plan,
    parse_status,
)
from delivery_lambda.responses import (
    erased,
    forbidden,
    invalid,
    no_such_share,
    rejection_response,
    too_many_shares,
    truck_full,
    unavailable,
)
from delivery_lambda.routes import (
    CREATE_SHARE,
    DECLARE_EVENT,
    GET_DELIVERY,
    ISSUE_TICKET,
    LIST_DELIVERIES,
    LIST_SHARES,
    PUT_DELIVERY,
    REVOKE_SHARE,
)
from delivery_lambda.share_service import DeliveryPort as SharedDeliveryPort
from delivery_lambda.share_service import NudgePort, ShareService, TicketPort
from rtdts.delivery_store.deliveries import DeliveryPage, ListPosition
from rtdts.delivery_store.errors import (
    DeliveryErased,
    StoreBusy,
    TooManyShares,
    TruckFull,
    VersionConflict,
)
from rtdts.delivery_store.tickets import TicketHolder
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.runtime.http_api import Response, json_response
from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.callers import Caller
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, Status
from rtdts.tracking.identifiers import ID_FORM, is_identifier
from rtdts.tracking.instants import format_instant
from rtdts.tracking.roles import CUSTOMER, TRUCK

MAX_DECISIONS = 6
"""How often a request decides again after a conflict with another writer. The consumer writes at
most a few events per minute to a delivery; six conflicts in a row are a loop in our code."""

PAGE_LENGTH = 50


class DeliveryPort(SharedDeliveryPort, Protocol):
    """The part of the delivery store that is used here."""

    def append(
        self,
        before: Delivery | None,
        after: Delivery,
        events: Sequence[DeliveryEvent],
        *,
        matches: bool,
    ) -> None:
        """Appends to a delivery's log."""

    def list_page(
        self,
        *,
        customer_id: str | None = None,
        truck_id: str | None = None,
        status: Status | None = None,
        after: ListPosition | None = None,
        limit: int = PAGE_LENGTH,
        closed_since_ms: int | None = None,
    ) -> DeliveryPage:
        """Returns a page of a list."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dispatch:
    """The routes and their dependencies."""

    deliveries: DeliveryPort
    tickets: TicketPort
    nudges: NudgePort
    share_service: ShareService
    log: Logger
    now_ms: Callable[[], int]

    def respond(self, request: Request, caller: Caller) -> Response:
        """Returns the response to a request, also when it is rejected.

        Raises:
            KeyError: The gateway sent an unknown route.
        """
        routes: Mapping[tuple[str, str], Callable[[Request, Caller], Response]] = {
            PUT_DELIVERY: self._put_delivery,
            GET_DELIVERY: self._get_delivery,
            LIST_DELIVERIES: self._list_deliveries,
            DECLARE_EVENT: self._declare_event,
            ISSUE_TICKET: self._issue_ticket,
            CREATE_SHARE: self._create_share,
            LIST_SHARES: self._list_shares,
            REVOKE_SHARE: self._revoke_share,
        }
        route = routes[request.route]
        if caller.role not in CALLERS[request.route]:
            return forbidden("this is for " + " and ".join(f"{r}s" for r in CALLERS[request.route]))
        try:
            return route(request, caller)
        except InvalidRequest as error:
            return invalid(error)
        except TruckFull as error:
            return truck_full(error)
        except TooManyShares as error:
            return too_many_shares(error)
        except DeliveryErased as error:
            return erased(error)
        except (StoreBusy, VersionConflict):
            return unavailable()

    def respond_open(self, request: Request, blocks: Blocks) -> Response:
        """Returns the response to a request without a token, on the one route that accepts them."""
        try:
            return self.share_service.ticket(request, blocks)
        except InvalidRequest as error:
            return invalid(error)
        except StoreBusy:
            return unavailable()

    def _put_delivery(self, request: Request, caller: Caller) -> Response:
        if not is_identifier(request.delivery_id):
            raise InvalidRequest("delivery_id", f"must match {ID_FORM}")
        plan = parse_plan(request)
        expected_version = parse_expected_version(request)

        def decide() -> Decision:
            return decide_plan(
                self.deliveries.get(request.delivery_id),
                request.delivery_id,
                plan,
                expected_version=expected_version,
                actor=caller.actor,
                now_ms=self.now_ms(),
            )

        decision = self._decide_and_write(decide)
        created = isinstance(decision, Change) and decision.before is None
        return self._outcome(decision, caller, HTTPStatus.CREATED if created else HTTPStatus.OK)

    def _get_delivery(self, request: Request, caller: Caller) -> Response:
        delivery = self._visible(request, caller)
        if delivery is None:
            return rejection_response(_NOT_FOUND)
        return self._document(HTTPStatus.OK, delivery, caller)

    def _list_deliveries(self, request: Request, caller: Caller) -> Response:
        owner = parse_owner_filter(request, caller)
        if owner is None:
            return forbidden("only your own deliveries are listed for you")
        status = parse_status(request)
        list_name = f"{owner.kind}={owner.identity}&status={status or ''}"
        position = None
        if cursor := request.query.get("cursor"):
            try:
                position = decode_cursor(cursor, list_name)
            except InvalidCursor:
                raise InvalidRequest("cursor", "is not a cursor of this list") from None
        page = self.deliveries.list_page(
            customer_id=owner.identity if owner.kind == CUSTOMER else None,
            truck_id=owner.identity if owner.kind == TRUCK else None,
            status=status,
            after=position,
            limit=PAGE_LENGTH,
            closed_since_ms=closed_since_ms(caller, self.now_ms()),
        )
        return json_response(
            HTTPStatus.OK,
            {
                "deliveries": [
                    summary_document(delivery, role=caller.role) for delivery in page.deliveries
                ],
                "next_cursor": page.next and encode_cursor(page.next, list_name),
            },
        )

    def _declare_event(self, request: Request, caller: Caller) -> Response:
        if self._visible(request, caller) is None:
            return rejection_response(_NOT_FOUND)
        declaration = parse_declaration(request)
        if declaration.type not in DECLARABLE[caller.role]:
            return forbidden(f"a {caller.role} may not declare a delivery {declaration.type}")

        def decide() -> Decision:
            # Read again each time: the delivery may have been assigned to another truck meanwhile.
            delivery = self._visible(request, caller)
            if delivery is None:
                return _NOT_FOUND
            return decide_declaration(
                delivery,
                self.deliveries.events(request.delivery_id),
                declaration,
                actor=caller.actor,
                now_ms=self.now_ms(),
            )

        decision = self._decide_and_write(decide)
        is_repeated = isinstance(decision, Unchanged)
        return self._outcome(decision, caller, HTTPStatus.OK if is_repeated else HTTPStatus.CREATED)

    def _issue_ticket(self, _request: Request, caller: Caller) -> Response:
        holder = TicketHolder(
            role=caller.role,
            identity=caller.identity,
            token_expires_at_ms=caller.token_expires_at_ms,
            token_id=caller.token.token_id,
            token_issued_at_ms=caller.token.issued_at_ms,
        )
        ticket = self.tickets.issue(holder, self.now_ms())
        return json_response(
            HTTPStatus.CREATED,
            {"ticket": ticket.ticket, "expires_at": format_instant(ticket.expires_at_ms)},
            headers={"Cache-Control": "no-store"},
        )

    def _create_share(self, request: Request, caller: Caller) -> Response:
        delivery = self._visible(request, caller)
        if delivery is None:
            return rejection_response(_NOT_FOUND)
        if not delivery.is_open:
            detail = f"the delivery is {delivery.status}"
            return rejection_response(Rejection(reason=Reason.CLOSED, detail=detail))
        return self.share_service.create(request, delivery, caller.identity)

    def _list_shares(self, request: Request, caller: Caller) -> Response:
        delivery = self._visible(request, caller)
        return (
            rejection_response(_NOT_FOUND)
            if delivery is None
            else self.share_service.list(delivery)
        )

    def _revoke_share(self, request: Request, caller: Caller) -> Response:
        delivery = self._visible(request, caller)
        if delivery is None:
            return rejection_response(_NOT_FOUND)
        return self.share_service.revoke(request, delivery) or no_such_share()

    def _decide_and_write(self, decide: Callable[[], Decision]) -> Decision:
        """Writes the decision; decides again when another writer was first.

        Raises:
            VersionConflict: Another writer was first `MAX_DECISIONS` times in a row.
        """
        for _ in range(MAX_DECISIONS - 1):
            try:
                return self._write(decide())
            except VersionConflict as conflict:
                self.log.info("decided_again", delivery_id=conflict.delivery_id)
        return self._write(decide())

    def _write(self, decision: Decision) -> Decision:
        match decision:
            case Change():
                self.deliveries.append(
                    decision.before, decision.after, decision.events, matches=True
                )
                self._log_doubts(decision.events)
                self._nudge(decision.after)
            case Unchanged():
                # This may repeat a request that was interrupted between its write and its nudge. If
                # not, the queue recognises this nudge as a duplicate and drops it.
                self._nudge(decision.delivery)
            case Rejection():
                pass
        return decision

    def _log_doubts(self, events: Sequence[DeliveryEvent]) -> None:
        for event in events:
            if event.doubts:
                self.log.warning(
                    "declaration_doubted",
                    delivery_id=event.delivery_id,
                    version=event.version,
                    type=event.declared,
                    effective_at=format_instant(event.effective_at_ms),
                    actor=event.actor,
                    doubts=[doubt.value for doubt in event.doubts],
                )

    def _nudge(self, delivery: Delivery) -> None:
        nudge = TransitionNudge(
            delivery_id=delivery.delivery_id, version=delivery.version, by_person=True
        )
        try:
            self.nudges.send(nudge)
        except (BotoCoreError, ClientError) as error:
            # The request has succeeded all the same; the next round updates the viewers.
            self.log.exception("nudge_not_sent", error, delivery_id=delivery.delivery_id)

    def _outcome(self, decision: Decision, caller: Caller, status: HTTPStatus) -> Response:
        match decision:
            case Rejection():
                return rejection_response(decision)
            case Change():
                return self._document(status, decision.after, caller)
            case Unchanged():
                return self._document(status, decision.delivery, caller)

    def _visible(self, request: Request, caller: Caller) -> Delivery | None:
        """Returns the delivery, or None: missing and forbidden must look alike to the caller."""
        if not is_identifier(request.delivery_id):
            return None
        delivery = self.deliveries.get(request.delivery_id)
        if delivery is None or not may_see(caller, delivery, now_ms=self.now_ms()):
            return None
        return delivery

    def _document(self, status: HTTPStatus, delivery: Delivery, caller: Caller) -> Response:
        events = self.deliveries.events(delivery.delivery_id)
        return json_response(
            status,
            delivery_document(delivery, events, role=caller.role),
            headers={"ETag": f'"{delivery.version}"'},
        )


_NOT_FOUND = Rejection(reason=Reason.NOT_FOUND, detail="there is no such delivery of yours")
