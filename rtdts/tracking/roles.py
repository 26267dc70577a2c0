"""The roles that tokens name, and that of who has no token but a share of one delivery."""

from __future__ import annotations

from typing import Final

TRUCK: Final = "truck"
CUSTOMER: Final = "customer"
DISPATCHER: Final = "dispatcher"

ROLES: Final = (TRUCK, CUSTOMER, DISPATCHER)
"""Those that a token may name."""

SHARE: Final = "share"
"""Of who has a share; its identity is the share's id. No token may name it: only a ticket of
`POST /shares/tickets` does."""
