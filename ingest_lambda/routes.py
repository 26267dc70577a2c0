"""The HTTP routes of this Lambda as data, from which the gateways are configured."""

from __future__ import annotations

from typing import Final

POST_TELEMETRY: Final = ("POST", "/telemetry")
POST_OWNTRACKS: Final = ("POST", "/phones/owntracks")
POST_TRACCAR_CLIENT: Final = ("POST", "/phones/traccar-client")

ROUTES: Final = (POST_TELEMETRY,)
"""Method and path of the routes behind the JWT authorizer."""
OPEN_ROUTES: Final = (POST_OWNTRACKS, POST_TRACCAR_CLIENT)
"""The routes without the authorizer: each checks its own credential."""
