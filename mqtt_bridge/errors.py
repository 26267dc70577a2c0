"""What can go wrong that a new connection mends."""

from __future__ import annotations


class BrokerError(Exception):
    """The broker can't be reached, refused something, or the connection is lost."""
