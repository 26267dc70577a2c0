"""Of which web pages requests are taken: one list for the HTTP API, its tickets and the socket.

The HTTP API's gateway answers browsers' preflights by this list. No gateway checks the origin of a
WebSocket, and none refuses a request of a page that does not need to read the answer: the Lambdas
do, by the same list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ANY: Final = "*"
HELP: Final = (
    "origins of web pages, with commas, from which browsers may fetch tickets and open sockets; "
    "`*`: of any. A client that sends no `Origin`, as apps do, is not concerned"
)
"""What the setting `ALLOWED_ORIGINS` is for."""

METHODS: Final = ("DELETE", "GET", "POST", "PUT")
"""What pages may do at the HTTP API, …"""
REQUEST_HEADERS: Final = ("authorization", "content-type", "idempotency-key", "if-match")
"""… send with it …"""
RESPONSE_HEADERS: Final = ("etag", "retry-after")
"""… and read of the answers, beyond what browsers always let them."""
PREFLIGHT_KEPT_S: Final = 3_600
"""How long a browser may rely on the answer to a preflight, in seconds."""

_HEADER: Final = "origin"


class Origins:
    """Knows the pages whose requests are taken.

    Args:
        allowed: Their origins with commas between them, as browsers write them; empty: none.
    """

    def __init__(self, allowed: str) -> None:
        self._allowed = origins_in(allowed)

    def allow(self, headers: Mapping[str, str] | None) -> bool:
        """Whether a request with these headers, in whatever case, may be from where it is."""
        sent = [value for name, value in (headers or {}).items() if name.lower() == _HEADER]
        if not sent or ANY in self._allowed:
            return True
        return len(sent) == 1 and sent[0] in self._allowed


def origins_in(setting: str) -> tuple[str, ...]:
    """The origins of a setting, in its order."""
    return tuple(one.strip() for one in setting.split(",") if one.strip())
