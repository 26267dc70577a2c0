"""What a subscription is about, and where its messages go: (topic, endpoint).

Both are texts that begin with their kind and a colon, so that a new kind of topic or endpoint needs
no new table, key or index.
"""

from __future__ import annotations

from typing import Final

FLEET: Final = "fleet"
"""The topic of all trucks, limited by the subscription's view."""

_DELIVERY: Final = "delivery:"
SOCKET: Final = "socket"
"""The kind of endpoint that is a connection to the WebSocket API."""


def delivery_topic(delivery_id: str) -> str:
    """Returns the topic of one delivery."""
    return _DELIVERY + delivery_id


def delivery_of(topic: str) -> str:
    """Returns the delivery of a topic.

    Raises:
        ValueError: It is another topic.
    """
    if not is_of_delivery(topic):
        raise ValueError(f"{topic!r} does not begin with {_DELIVERY!r}")
    return topic[len(_DELIVERY) :]


def is_of_delivery(topic: str) -> bool:
    """Returns whether a topic is of one delivery."""
    return topic.startswith(_DELIVERY)


def socket_endpoint(connection_id: str) -> str:
    """Returns the endpoint of a socket."""
    return f"{SOCKET}:{connection_id}"


def kind_and_name(endpoint: str) -> tuple[str, str]:
    """Returns an endpoint's kind, and its name within that kind: a socket's is its connection."""
    kind, _, name = endpoint.partition(":")
    return kind, name
