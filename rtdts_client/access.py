"""Sources of a connection's tickets: a share's token, or the JWT of a signed-in person."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rtdts_client.http_post import Post, post
from rtdts_client.messages import (
    instant_of,
    integer_of,
    list_of,
    number_of,
    object_of,
    or_none,
    text_of,
)
from rtdts_client.protocol import (
    Place,
    Step,
    Summary,
    TicketFailure,
    TicketRejected,
    Unavailable,
    Window,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ticket:
    """A ticket, which opens one socket.

    Attributes:
        ticket: The ticket; opening a socket spends it.
        delivery_id: The delivery to track with it.
        summary: The delivery's summary, if one came with the ticket.
    """

    ticket: str = field(repr=False)
    delivery_id: str
    summary: Summary | None = None


Access = Callable[[], Awaitable[Ticket | TicketFailure]]
"""Fetches a ticket."""

_REASONS: Final = {401: "not_valid", 403: "forbidden", 404: "not_found", 410: "gone"}


def share_access(server_url: str, token: str, *, post: Post = post) -> Access:
    """Tickets for the delivery of a share.

    Args:
        server_url: The service's ``ServerURL``.
        token: The part of the customer's link after the ``#``.
        post: Sends the request.
    """

    async def fetch() -> Ticket | TicketFailure:
        body = json.dumps({"token": token}).encode()
        headers = {"Content-Type": "application/json"}
        response = await _request(post, f"{server_url}/shares/tickets", headers, body)
        if not isinstance(response, Mapping):
            return response
        try:
            summary = _summary(response.get("delivery"))
            return Ticket(text_of(response.get("ticket")), summary.delivery_id, summary)
        except (KeyError, ValueError):
            return Unavailable()

    return fetch


def customer_access(
    server_url: str, delivery_id: str, jwt: Callable[[], Awaitable[str]], *, post: Post = post
) -> Access:
    """Tickets of a signed-in customer or dispatcher, for one of the deliveries that they may see.

    Args:
        server_url: The service's ``ServerURL``.
        delivery_id: The delivery.
        jwt: Returns a JWT that is valid now; awaited before each connection. If it raises, the
            error is logged, and it is tried again later.
        post: Sends the request.
    """

    async def fetch() -> Ticket | TicketFailure:
        try:
            token = await jwt()
        except Exception:
            _log.warning("no JWT for a ticket", exc_info=True)
            return Unavailable()
        headers = {"Authorization": f"Bearer {token}"}
        response = await _request(post, f"{server_url}/tickets", headers, b"")
        if not isinstance(response, Mapping):
            return response
        try:
            return Ticket(text_of(response.get("ticket")), delivery_id)
        except ValueError:
            return Unavailable()

    return fetch


async def _request(
    post: Post, url: str, headers: Mapping[str, str], body: bytes
) -> Mapping[str, Any] | TicketFailure:
    try:
        response = await post(url, headers, body)
    except OSError:
        return Unavailable()
    if 200 <= response.status < 300:
        try:
            return object_of(json.loads(response.body))
        except (ValueError, RecursionError):
            return Unavailable()
    if response.status == 429 or response.status >= 500:
        return Unavailable(_retry_after_ms(response.retry_after))
    return TicketRejected(_REASONS.get(response.status, "refused"))


def _retry_after_ms(header: str | None) -> float | None:
    try:
        seconds = float(header or 0)
    except ValueError:
        return None
    return seconds * 1000 if seconds > 0 and math.isfinite(seconds) else None


def _summary(value: object) -> Summary:
    delivery = object_of(value)
    return Summary(
        delivery_id=text_of(delivery["delivery_id"]),
        status=text_of(delivery["status"]),
        version=_or_none(integer_of, delivery, "version") or 0,
        window=_or_none(_window, delivery, "window"),
        origin=_or_none(_place, delivery, "origin"),
        destination=_or_none(_place, delivery, "destination"),
        timeline=_or_none(list_of(_step), delivery, "timeline") or (),
        failure_code=_or_none(text_of, delivery, "failure_code"),
        stops_before=_or_none(integer_of, delivery, "stops_before"),
    )


def _or_none(read: Callable[[object], Any], of: Mapping[str, Any], name: str) -> Any:
    """A part, or None if it does not have the promised form: tracking works without it."""
    try:
        return or_none(read)(of.get(name))
    except (KeyError, ValueError, OverflowError):
        return None


def _window(value: object) -> Window:
    window = object_of(value)
    return Window(instant_of(window["start"]), instant_of(window["end"]))


def _place(value: object) -> Place:
    place = object_of(value)
    name = place.get("name")
    return Place(
        number_of(place["lat"]), number_of(place["lon"]), name if isinstance(name, str) else None
    )


def _step(value: object) -> Step:
    step = object_of(value)
    return Step(text_of(step["status"]), instant_of(step["at"]))
