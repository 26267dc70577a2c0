"""What a subscription is about, and where its messages go: (topic, endpoint).

Both are texts that begin with their kind and a colon, so that a new kind of topic or endpoint needs
no new table, key or index.
"""

from __future__ import annotations

from typing import Final

FLEET: Final = "fleet"
"""The topic of all trucks, limited by the subscription's view."""

_DELIVERY: Final = "delivery:"
_SOCKET: Final = "socket:"


def delivery_topic(delivery_id: str) -> str:
    """Returns the topic of one delivery."""
    return _DELIVERY + delivery_id


def delivery_of(topic: str) -> str:
    """Returns the delivery of a topic.

    Raises:
        ValueError: It is another topic.
    """
    return _after(_DELIVERY, topic)


def is_of_delivery(topic: str) -> bool:
    """Returns whether a topic is of one delivery."""
    return topic.startswith(_DELIVERY)


def socket_endpoint(connection_id: str) -> str:
    """Returns the endpoint of a socket."""
    return _SOCKET + connection_id


def connection_of(endpoint: str) -> str:
    """Returns the connection of a socket's endpoint.

    Raises:
        ValueError: It is another endpoint.
    """
    return _after(_SOCKET, endpoint)


def _after(kind: str, text: str) -> str:
    if not text.startswith(kind):
        raise ValueError(f"{text!r} is no {kind}…")
    return text[len(kind) :]
