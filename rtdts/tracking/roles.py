"""The roles that tokens name."""

from __future__ import annotations

from typing import Final

TRUCK: Final = "truck"
CUSTOMER: Final = "customer"
DISPATCHER: Final = "dispatcher"

ROLES: Final = (TRUCK, CUSTOMER, DISPATCHER)
