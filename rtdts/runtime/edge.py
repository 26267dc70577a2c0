"""Checks whether a request came through the edge: the CDN in front of the API in production.

The edge adds a header with a secret to every request that it forwards, and replaces one that a
client sent. A request that bypassed the edge, through the gateway's own host or the trucks' host
name, does not have the header.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

HEADER: Final = "x-rtdts-edge"
HELP: Final = (
    "comma-separated secrets, one of which the edge adds to each request; requests without one "
    "are refused. Empty: there is no edge"
)
"""Help text of the setting `EDGE_SECRETS`."""


class Edge:
    """Recognises the requests that came through the edge.

    Args:
        secrets: Comma-separated; several while they are rotated. Empty: there is no edge, so every
            request passes.
    """

    def __init__(self, secrets: str) -> None:
        self._secrets = [one.strip().encode() for one in secrets.split(",") if one.strip()]

    def passed(self, headers: Mapping[str, str] | None) -> bool:
        """Returns whether a request with these headers, in any case, came through the edge."""
        if not self._secrets:
            return True
        sent = [value for name, value in (headers or {}).items() if name.lower() == HEADER]
        return len(sent) == 1 and any(
            hmac.compare_digest(sent[0].encode(), secret) for secret in self._secrets
        )
