"""The roles that tokens name, and the role of viewers with a share of one delivery."""

from __future__ import annotations

from typing import Final

TRUCK: Final = "truck"
CUSTOMER: Final = "customer"
DISPATCHER: Final = "dispatcher"

ROLES: Final = (TRUCK, CUSTOMER, DISPATCHER)
"""The roles that a token may name."""

SHARE: Final = "share"
"""The role of a share's viewers; their identity is the share's id. No token may name it: only a
ticket of `POST /shares/tickets` does."""
