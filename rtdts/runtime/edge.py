"""Whether a request came by the edge: the CDN that production puts before people's routes.

The edge adds a header with a secret to whatever it lets through, and replaces one that a client
sent. A request that went round it, to the gateway's own host or by the trucks' name, lacks it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

HEADER: Final = "x-rtdts-edge"
HELP: Final = (
    "secrets, with commas, one of which the edge adds to each request; a request without is "
    "refused. Empty: there is no edge"
)
"""What the setting `EDGE_SECRETS` is for."""


class Edge:
    """Knows the requests that came by the edge.

    Args:
        secrets: With commas between them; several while they are replaced. Empty: every request
            counts, since there is no edge.
    """

    def __init__(self, secrets: str) -> None:
        self._secrets = [one.strip().encode() for one in secrets.split(",") if one.strip()]

    def passed(self, headers: Mapping[str, str] | None) -> bool:
        """Whether a request with these headers, in whatever case, came by the edge."""
        if not self._secrets:
            return True
        sent = [value for name, value in (headers or {}).items() if name.lower() == HEADER]
        return len(sent) == 1 and any(
            hmac.compare_digest(sent[0].encode(), secret) for secret in self._secrets
        )
