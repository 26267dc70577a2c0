"""What the HTTP API's gateway allows browsers in its responses to preflight requests.

`rtdts.runtime.origins` are the origins for which it does.
"""

from __future__ import annotations

from typing import Final

METHODS: Final = ("DELETE", "GET", "POST", "PUT")
"""Methods that pages may use at the HTTP API."""
REQUEST_HEADERS: Final = ("authorization", "content-type", "idempotency-key", "if-match")
"""Request headers that pages may send, …"""
RESPONSE_HEADERS: Final = ("etag", "retry-after")
"""… and response headers that they may read, beyond those that browsers always allow."""
PREFLIGHT_KEPT_S: Final = 3_600
"""How long a browser may cache the response to a preflight request, in seconds."""
