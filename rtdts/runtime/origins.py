"""The web origins whose requests are accepted: one list for the HTTP API, tickets and the socket.

The HTTP API's gateway responds to browsers' preflight requests by this list. But no gateway checks
the origin of a WebSocket, or rejects a request from a page that does not need to read the response.
So the Lambdas check both, by the same list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ANY: Final = "*"
HELP: Final = (
    "comma-separated origins of web pages that may fetch tickets and open sockets; `*` for all. "
    "Clients that send no `Origin`, such as apps, are not affected"
)
"""Help text of the setting `ALLOWED_ORIGINS`."""

_HEADER: Final = "origin"


class Origins:
    """Checks the origins of requests.

    Args:
        allowed: Comma-separated origins, as browsers write them; empty for none.
    """

    def __init__(self, allowed: str) -> None:
        self._allowed = origins_in(allowed)

    def allow(self, headers: Mapping[str, str] | None) -> bool:
        """Returns whether a request with these headers, in any case, has an allowed origin."""
        sent = [value for name, value in (headers or {}).items() if name.lower() == _HEADER]
        if not sent or ANY in self._allowed:
            return True
        return len(sent) == 1 and sent[0] in self._allowed


def origins_in(setting: str) -> tuple[str, ...]:
    """Returns the origins of a setting, in its order."""
    return tuple(one.strip() for one in setting.split(",") if one.strip())
