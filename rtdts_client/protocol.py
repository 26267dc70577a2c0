"""A session's inputs and the actions that it returns, as values; reports to the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from rtdts_client.messages import DeliveryEvent
from rtdts_client.view import DeliveryView

ConnectionState = Literal["connecting", "live", "offline", "paused", "ended"]
"""``offline`` is retried; ``ended`` is not."""


@dataclass(frozen=True)
class Place:
    """Where a delivery begins or ends."""

    lat: float
    lon: float
    name: str | None


@dataclass(frozen=True)
class Window:
    """When the delivery was promised, RFC 3339."""

    start: str
    end: str


@dataclass(frozen=True)
class Step:
    """A status, and since when the delivery has had it, RFC 3339."""

    status: str
    at: str


@dataclass(frozen=True)
class Summary:
    """The delivery of a share as it was when the ticket was issued."""

    delivery_id: str
    status: str
    version: int
    window: Window | None
    origin: Place | None
    destination: Place | None
    timeline: Sequence[Step]
    failure_code: str | None
    stops_before: int | None


@dataclass(frozen=True)
class Changes:
    """What a report adds; nothing is reported twice."""

    events: tuple[DeliveryEvent, ...] = ()
    position: bool = False


@dataclass(frozen=True)
class Report:
    """What an application shows.

    Attributes:
        delivery: None until a ticket was received; its ``version`` is 0 until the socket has
            received a message.
        connection: The state of the connection to the service.
        end_reason: Why it has ended for good: the service's reason, or ``stopped``.
        true_as_of_ms: When the service last confirmed this, by this device's clock in epoch ms.
        position_ms: When the truck was at its position, by this device's clock in epoch ms.
        changes: What this report adds.
        summary: The delivery's summary, if one came with the last ticket.
    """

    delivery: DeliveryView | None
    connection: ConnectionState
    end_reason: str | None
    true_as_of_ms: float | None
    position_ms: float | None
    changes: Changes
    summary: Summary | None = None


@dataclass(frozen=True)
class TicketRejected:
    """There will be no ticket: `not_found`, `not_valid`, `forbidden`, `gone` or `refused`."""

    reason: str


@dataclass(frozen=True)
class Unavailable:
    """There is no ticket now; ``retry_after_ms`` if the service sent it."""

    retry_after_ms: float | None = None


TicketFailure = TicketRejected | Unavailable


class Signal(Enum):
    """Inputs without further data."""

    START = auto()
    PAUSE = auto()
    RESUME = auto()
    STOP = auto()
    CHECK = auto()
    WAKE = auto()


@dataclass(frozen=True)
class Ticketed:
    """A ticket for connection ``number``."""

    number: int
    ticket: str = field(repr=False)
    delivery_id: str


@dataclass(frozen=True)
class Failed:
    """No ticket for connection ``number``."""

    number: int
    failure: TicketFailure


@dataclass(frozen=True)
class Opened:
    """Connection ``number`` is open."""

    number: int


@dataclass(frozen=True)
class Closed:
    """Connection ``number`` was lost, or could not be opened."""

    number: int


@dataclass(frozen=True)
class FrameReceived:
    """A frame of connection ``number``."""

    number: int
    frame: str


Input = Signal | Ticketed | Failed | Opened | Closed | FrameReceived


@dataclass(frozen=True)
class FetchTicket:
    """Fetch a ticket for connection ``number``."""

    number: int


@dataclass(frozen=True)
class Open:
    """Open connection ``number`` with its ticket."""

    number: int
    ticket: str = field(repr=False)


@dataclass(frozen=True)
class Send:
    """Send a frame on connection ``number``."""

    number: int
    frame: str


@dataclass(frozen=True)
class Close:
    """Give up connection ``number``, and its request for a ticket."""

    number: int


@dataclass(frozen=True)
class Show:
    """Pass a report to the application."""

    report: Report


Action = FetchTicket | Open | Send | Close | Show
