"""The routes of the socket as data, from which the gateways are configured."""

from __future__ import annotations

from typing import Final

CONNECT: Final = "$connect"
DISCONNECT: Final = "$disconnect"
TRACK: Final = "track"
UNTRACK: Final = "untrack"
TRACK_FLEET: Final = "track_fleet"
UNTRACK_FLEET: Final = "untrack_fleet"
PING: Final = "ping"
DEFAULT: Final = "$default"

ROUTES: Final = (
    CONNECT,
    DISCONNECT,
    TRACK,
    UNTRACK,
    TRACK_FLEET,
    UNTRACK_FLEET,
    PING,
    DEFAULT,
)
"""Every route key. Only `CONNECT` is behind the authorizer, which can't be attached to any other
route. None has a route response: with one, API Gateway would send a message, even an empty one, for
every response of the Lambda. Messages to a viewer are posted to its connection instead."""

ROUTE_SELECTION: Final = "$request.body.action"
"""The expression by which the gateway finds the route of a message."""
