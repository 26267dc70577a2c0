"""Who may open a socket. Pure but for the two ports that it is given."""

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
"""The roles that may open a socket; `SHARE` besides, which no token has, but a share's ticket."""

_BEARER = "bearer"


class DenialReason(enum.Enum):
    """Why a socket is not opened."""

    NOT_VALID = enum.auto()
    """No token and no ticket, or neither proves anything: 401."""
    WRONG_ROLE = enum.auto()
    """Known, but no viewer: 403."""
    FOREIGN_ORIGIN = enum.auto()
    """Of a page that the deployment does not know: 403, whoever it is."""
    NOT_BY_THE_EDGE = enum.auto()
    """Went round what stands before the socket: 403, whoever it is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denial:
    """The answer to who is not let in; `detail` is for our log."""

    reason: DenialReason
    detail: str


class TokenPort(Protocol):
    """Reads tokens."""

    def read(self, token: str) -> Holder:
        """The holder of a token, or `InvalidToken`."""
        ...


class TicketPort(Protocol):
    """Takes tickets."""

    def spend(self, ticket: str, now_ms: int) -> TicketHolder | None:
        """The holder of a ticket, once."""
        ...


def admit(
    event: Mapping[str, Any],
    *,
    tokens: TokenPort,
    tickets: TicketPort,
    blocks: Blocks,
    edge: Edge,
    origins: Origins,
    now_ms: int,
) -> Holder | Denial:
    """Decides on a $connect: by its Authorization header, or else by its ticket.

    Args:
        event: The authorizer's event.
        tokens: Reads the header's token.
        tickets: Takes the query's ticket; whatever comes of it then, it is spent.
        blocks: Which identities and tokens are blocked.
        edge: What stands before the socket, if anything does.
        origins: Of which pages browsers may open one; no gateway looks at that.
        now_ms: This moment.

    Raises:
        KeysUnavailable: A token can't be checked at the moment.
    """
    if not edge.passed(event.get("headers")):
        return Denial(reason=DenialReason.NOT_BY_THE_EDGE, detail="not by the edge")
    if not origins.allow(event.get("headers")):
        # Before the ticket is spent: it is not the page's.
        return Denial(reason=DenialReason.FOREIGN_ORIGIN, detail="foreign origin")
    holder = _holder(event, tokens, tickets, now_ms)
    if isinstance(holder, Holder) and not _is_viewer(holder):
        return Denial(reason=DenialReason.WRONG_ROLE, detail=f"role {holder.role!r}")
    if isinstance(holder, Holder) and blocks.revoking(
        holder.role, holder.identity, holder.token, now_ms
    ):
        return Denial(reason=DenialReason.NOT_VALID, detail="revoked")
    return holder


def _is_viewer(holder: Holder) -> bool:
    if holder.role == SHARE:
        return bool(holder.delivery_id)  # only a ticket holds one
    return holder.role in VIEWERS


def _holder(
    event: Mapping[str, Any], tokens: TokenPort, tickets: TicketPort, now_ms: int
) -> Holder | Denial:
    if (authorization := _header(event, "authorization")) is not None:
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != _BEARER:
            return Denial(reason=DenialReason.NOT_VALID, detail="Authorization is no Bearer token")
        try:
            return tokens.read(token.strip())
        except InvalidToken as error:
            return Denial(reason=DenialReason.NOT_VALID, detail=f"token: {error}")
    ticket = (event.get("queryStringParameters") or {}).get("ticket")
    if not ticket:
        return Denial(reason=DenialReason.NOT_VALID, detail="neither token nor ticket")
    # Anybody may send anything here: only what could be a ticket is worth a write.
    spent = tickets.spend(ticket, now_ms) if is_ticket(ticket) else None
    if spent is None:
        return Denial(reason=DenialReason.NOT_VALID, detail="ticket: unknown, spent or too late")
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
