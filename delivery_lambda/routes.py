"""The HTTP routes of this Lambda as data, from which the gateways are configured."""

from __future__ import annotations

from typing import Final

PUT_DELIVERY: Final = ("PUT", "/deliveries/{delivery_id}")
GET_DELIVERY: Final = ("GET", "/deliveries/{delivery_id}")
LIST_DELIVERIES: Final = ("GET", "/deliveries")
DECLARE_EVENT: Final = ("POST", "/deliveries/{delivery_id}/events")
ISSUE_TICKET: Final = ("POST", "/tickets")
CREATE_SHARE: Final = ("POST", "/deliveries/{delivery_id}/shares")
LIST_SHARES: Final = ("GET", "/deliveries/{delivery_id}/shares")
REVOKE_SHARE: Final = ("DELETE", "/deliveries/{delivery_id}/shares/{share_id}")
ISSUE_SHARE_TICKET: Final = ("POST", "/shares/tickets")

ROUTES: Final = (
    PUT_DELIVERY,
    GET_DELIVERY,
    LIST_DELIVERIES,
    DECLARE_EVENT,
    ISSUE_TICKET,
    CREATE_SHARE,
    LIST_SHARES,
    REVOKE_SHARE,
)
"""Method and path of the routes behind the JWT authorizer."""
OPEN_ROUTES: Final = (ISSUE_SHARE_TICKET,)
"""The routes without the authorizer: each checks its own credential."""
