"""The HTTP routes of this Lambda as data: the gateways are made from it."""

from __future__ import annotations

from typing import Final

POST_TELEMETRY: Final = ("POST", "/telemetry")

ROUTES: Final = (POST_TELEMETRY,)
"""Method and path of every route; all of them behind the JWT authorizer."""
