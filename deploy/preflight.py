"""What the HTTP API's responses to preflight requests allow pages (CORS).

The origins of these pages are in `rtdts.runtime.origins`.
"""

from __future__ import annotations

from typing import Final

METHODS: Final = ("DELETE", "GET", "POST", "PUT")
"""Methods that pages may use at the HTTP API."""
REQUEST_HEADERS: Final = ("authorization", "content-type", "idempotency-key", "if-match")
"""Request headers that pages may send."""
RESPONSE_HEADERS: Final = ("etag", "retry-after")
"""Response headers that pages may read, beyond those that browsers always allow."""
PREFLIGHT_CACHED_S: Final = 3_600
"""How long a browser may cache the response to a preflight request, in seconds."""
