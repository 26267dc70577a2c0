"""Decides which clients may open a socket. Pure except for its two ports."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, Final, Protocol

from rtdts.delivery_store.tickets import TicketHolder, is_ticket
from rtdts.runtime.edge import Edge
from rtdts.runtime.origins import Origins
from rtdts.tracking.blocks import Blocks, Token
from rtdts.tracking.roles import CUSTOMER, DISPATCHER, SHARE
from socket_lambda.tokens import Holder, InvalidToken

VIEWERS: Final = (DISPATCHER, CUSTOMER)
"""The roles that may open a socket, besides `SHARE`, which only a share's ticket has."""

_BEARER = "bearer"


class RejectionReason(enum.Enum):
    """Why a socket is not opened."""

    NOT_VALID = enum.auto()
    """No valid token or ticket: 401."""
    WRONG_ROLE = enum.auto()
    """A valid token whose role may not view: 403."""
    FOREIGN_ORIGIN = enum.auto()
    """The page's origin is not allowed by the deployment: 403 for every client."""
    BYPASSED_EDGE = enum.auto()
    """The request bypassed the edge in front of the socket: 403 for every client."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rejection:
    """The response to a client that is not admitted; `detail` is for our log."""

    reason: RejectionReason
    detail: str


class TokenPort(Protocol):
    """Reads tokens."""

    def read(self, token: str) -> Holder:
        """Returns the holder of a token, or raises `InvalidToken`."""


class TicketPort(Protocol):
    """Spends tickets."""

    def spend(self, ticket: str, now_ms: int) -> TicketHolder | None:
        """Returns the holder of a ticket, once."""


def admit(
    event: Mapping[str, Any],
    *,
    tokens: TokenPort,
    tickets: TicketPort,
    blocks: Blocks,
    edge: Edge,
    origins: Origins,
    now_ms: int,
) -> Holder | Rejection:
    """Decides on a $connect: by its Authorization header, or else by its ticket.

    Args:
        event: The authorizer's event.
        tokens: Reads the header's token.
        tickets: Spends the query's ticket, whatever the decision.
        blocks: The blocked identities and tokens.
        edge: The edge in front of the socket, if there is one.
        origins: The origins of pages that may open a socket; no gateway checks them.
        now_ms: The current time.

    Raises:
        KeysUnavailable: A token can't be checked at the moment.
    """
    if not edge.passed(event.get("headers")):
        return Rejection(reason=RejectionReason.BYPASSED_EDGE, detail="not by the edge")
    if not origins.allow(event.get("headers")):
        # Before the ticket is spent: it does not belong to this page.
        return Rejection(reason=RejectionReason.FOREIGN_ORIGIN, detail="foreign origin")
    holder = _holder(event, tokens, tickets, now_ms)
    if isinstance(holder, Holder) and not _is_viewer(holder):
        return Rejection(reason=RejectionReason.WRONG_ROLE, detail=f"role {holder.role!r}")
    if isinstance(holder, Holder) and blocks.revoking(
        holder.role, holder.identity, holder.token, now_ms
    ):
        return Rejection(reason=RejectionReason.NOT_VALID, detail="revoked")
    return holder


def _is_viewer(holder: Holder) -> bool:
    if holder.role == SHARE:
        return bool(holder.delivery_id)  # only a ticket has one
    return holder.role in VIEWERS


def _holder(
    event: Mapping[str, Any], tokens: TokenPort, tickets: TicketPort, now_ms: int
) -> Holder | Rejection:
    if (authorization := _header(event, "authorization")) is not None:
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != _BEARER:
            return Rejection(
                reason=RejectionReason.NOT_VALID, detail="Authorization is no Bearer token"
            )
        try:
            return tokens.read(token.strip())
        except InvalidToken as error:
            return Rejection(reason=RejectionReason.NOT_VALID, detail=f"token: {error}")
    ticket = (event.get("queryStringParameters") or {}).get("ticket")
    if not ticket:
        return Rejection(reason=RejectionReason.NOT_VALID, detail="neither token nor ticket")
    # Any client may send anything here: only a well-formed ticket is worth a write.
    spent = tickets.spend(ticket, now_ms) if is_ticket(ticket) else None
    if spent is None:
        return Rejection(
            reason=RejectionReason.NOT_VALID, detail="ticket: unknown, spent or too late"
        )
    return Holder(
        role=spent.role,
        identity=spent.identity,
        expires_at_ms=spent.token_expires_at_ms,
        token=Token(spent.token_id, spent.token_issued_at_ms),
        delivery_id=spent.delivery_id,
    )


def _header(event: Mapping[str, Any], expected: str) -> str | None:
    # The WebSocket gateway passes the client's own spelling on.
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == expected:
            return str(value)
    return None
