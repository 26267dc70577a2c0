"""Socket tickets in memory."""

from __future__ import annotations

from rtdts.delivery_store.items import to_item
from rtdts.delivery_store.tickets import TICKET_LIFETIME_MS, Ticket, TicketHolder
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeTicketStore:
    """Stands for `TicketStore`; its tickets are called ticket-0…01, ticket-0…02 …

    Attributes:
        spendings: How often a ticket was to be spent.
    """

    def __init__(self) -> None:
        self._issued = 0
        self.spendings = 0
        self._open: dict[str, tuple[TicketHolder, int]] = {}

    def issue(self, holder: TicketHolder, now_ms: int) -> Ticket:
        self._issued += 1
        expires_at_ms = min(now_ms + TICKET_LIFETIME_MS, holder.token_expires_at_ms)
        ticket = Ticket(ticket=f"ticket-{self._issued:036}", expires_at_ms=expires_at_ms)
        if code := breach("put_item", {"Item": to_item(holder)}):
            raise client_error(code)
        self._open[ticket.ticket] = (holder, expires_at_ms)
        return ticket

    def spend(self, ticket: str, now_ms: int) -> TicketHolder | None:
        self.spendings += 1
        holder, expires_at_ms = self._open.get(ticket, (None, 0))
        if holder is None or expires_at_ms <= now_ms:
            return None
        del self._open[ticket]
        return holder
