"""Tracks a delivery of RTDTS over a WebSocket that reconnects by itself.

Begin with ``DeliveryTracker``. Units are suffixes of names: metres (``_m``), metres per second
(``_mps``), degrees (``_deg``), seconds (``_s``), milliseconds (``_ms``). Other times are RFC 3339
text.
"""

from rtdts_client.access import Access, Ticket, customer_access, share_access
from rtdts_client.http_post import HttpResponse, Post
from rtdts_client.messages import DeliveryEvent, Eta, Position, TrackPoint
from rtdts_client.protocol import (
    Changes,
    ConnectionState,
    Place,
    Report,
    Step,
    Summary,
    TicketFailure,
    TicketRejected,
    Unavailable,
    Window,
)
from rtdts_client.sockets import OpenSocket, Socket, SocketLostError
from rtdts_client.timing import Timing
from rtdts_client.tracker import DeliveryTracker
from rtdts_client.view import DeliveryView

__all__ = [
    "Access",
    "Changes",
    "ConnectionState",
    "DeliveryEvent",
    "DeliveryTracker",
    "DeliveryView",
    "Eta",
    "HttpResponse",
    "OpenSocket",
    "Place",
    "Position",
    "Post",
    "Report",
    "Socket",
    "SocketLostError",
    "Step",
    "Summary",
    "Ticket",
    "TicketFailure",
    "TicketRejected",
    "Timing",
    "TrackPoint",
    "Unavailable",
    "Window",
    "customer_access",
    "share_access",
]
