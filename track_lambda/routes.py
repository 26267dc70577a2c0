"""The HTTP routes of this Lambda as data, from which the gateways are configured."""

from __future__ import annotations

from typing import Final

GET_TRACK: Final = ("GET", "/trucks/{truck_id}/track")

ROUTES: Final = (GET_TRACK,)
"""Method and path of every route; all of them behind the JWT authorizer."""
