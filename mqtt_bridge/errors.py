"""Errors after which a new connection is made."""

from __future__ import annotations


class BrokerError(Exception):
    """The broker can't be reached or rejected a request, or the connection is lost."""
