"""The HTTP routes of this Lambda as data: the gateways are made from it."""

from __future__ import annotations

from typing import Final

PUT_DELIVERY: Final = ("PUT", "/deliveries/{delivery_id}")
GET_DELIVERY: Final = ("GET", "/deliveries/{delivery_id}")
LIST_DELIVERIES: Final = ("GET", "/deliveries")
DECLARE_EVENT: Final = ("POST", "/deliveries/{delivery_id}/events")
ISSUE_TICKET: Final = ("POST", "/tickets")

ROUTES: Final = (PUT_DELIVERY, GET_DELIVERY, LIST_DELIVERIES, DECLARE_EVENT, ISSUE_TICKET)
"""Method and path of every route; all of them behind the JWT authorizer."""
