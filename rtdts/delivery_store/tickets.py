"""``socket-tickets``: a browser's credential for a WebSocket, on which it can't set a header.

A ticket lives 30 s and is spent once, by a conditional delete. Only its hash is stored: reading the
table is not enough to connect.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from rtdts.delivery_store.items import from_item, to_item
from rtdts.delivery_store.schema import TTL_ATTRIBUTE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TICKET_LIFETIME_MS = 30_000

_RANDOM_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
"""The form in which `secrets.token_urlsafe` writes `_RANDOM_BYTES` bytes."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket as the client receives it."""

    ticket: str
    expires_at_ms: int


class TicketHolder(msgspec.Struct, frozen=True, kw_only=True):
    """The identity that the ticket was issued to."""

    role: str
    identity: str
    token_expires_at_ms: int
    """Expiry of the token that the ticket was issued for: the connection's rights end with it."""
    token_id: str = ""
    """The token's id (`rtdts.tracking.blocks.Token`): if it is revoked, the connection ends too."""
    token_issued_at_ms: int = 0
    delivery_id: str = ""
    """The only delivery that the socket may track; empty: any that the holder may view."""


class _TicketItem(TicketHolder, frozen=True, kw_only=True):
    ticket_hash: str
    expires_at_ms: int


class TicketStore:
    """Issues tickets and spends each of them once."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        new_ticket: Callable[[], str] = lambda: secrets.token_urlsafe(_RANDOM_BYTES),
    ) -> None:
        self._client = client
        self._table = table
        self._new_ticket = new_ticket

    def issue(self, holder: TicketHolder, now_ms: int) -> Ticket:
        """Issues a ticket, which expires no later than the holder's token."""
        expires_at_ms = min(now_ms + TICKET_LIFETIME_MS, holder.token_expires_at_ms)
        ticket = Ticket(ticket=self._new_ticket(), expires_at_ms=expires_at_ms)
        item = _TicketItem(
            ticket_hash=_hash(ticket.ticket),
            expires_at_ms=expires_at_ms,
            **msgspec.structs.asdict(holder),
        )
        ttl = {TTL_ATTRIBUTE: expires_at_ms // 1000 + 1}
        self._client.put_item(TableName=self._table, Item=to_item(item, **ttl))
        return ticket

    def spend(self, ticket: str, now_ms: int) -> TicketHolder | None:
        """Spends a ticket; returns its holder, or None if it was spent before or has expired."""
        try:
            response = self._client.delete_item(
                TableName=self._table,
                Key={"ticket_hash": {"S": _hash(ticket)}},
                ConditionExpression="expires_at_ms > :now",
                ExpressionAttributeValues={":now": {"N": str(now_ms)}},
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return from_item(response["Attributes"], TicketHolder)


def is_ticket(text: str) -> bool:
    """Returns whether a text has the form of a ticket; others are rejected without a request."""
    return _FORM.fullmatch(text) is not None


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
