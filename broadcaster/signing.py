"""AWS Signature Version 4 for requests to connections: cheap, since each post needs one.

botocore's signer builds a request object, sorts headers and derives the signing key again for every
call; at thousands of posts per second that is most of the work. Here the key is derived once per
day and credential, and the payload's hash is computed once per message; what remains are two
hashes. The tests use botocore's own signer as the oracle.

Algorithm: AWS IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from broadcaster.sender import Payload

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SERVICE: Final = "execute-api"


@dataclasses.dataclass(frozen=True)
class Credentials:
    """AWS credentials for signing; temporary ones have a token."""

    access_key: str
    secret_key: str
    token: str | None = None


class PostSigner:
    """Signs requests to the connections of one WebSocket API: posts, and the DELETE that ends one.

    Args:
        management_url: The API's management endpoint, stage included.

    Attributes:
        host: The value that is signed as ``Host``, and must be sent as ``Host``.
    """

    def __init__(self, management_url: str, region: str) -> None:
        parts = urlsplit(management_url)
        self.host = parts.netloc
        self._base_path = f"{parts.path.rstrip('/')}/@connections/"
        # The canonical path is the path as sent, encoded once more (every service but S3).
        self._canonical_base = quote(self._base_path, safe="/~")
        self._region = region
        self._key: tuple[Credentials, str, bytes] | None = None
        self._times: tuple[int, str] = (-1, "")

    def path(self, connection_id: str) -> str:
        """The path of a connection; already encoded."""
        return f"{self._base_path}{quote(connection_id, safe='')}"

    def headers(
        self,
        connection_id: str,
        payload: Payload,
        credentials: Credentials,
        now_ms: int,
        *,
        method: str = "POST",
    ) -> dict[str, str]:
        """The headers that sign a request with this payload to this connection."""
        timestamp = self._timestamp(now_ms // 1000)
        date = timestamp[:8]
        scope = f"{date}/{self._region}/{_SERVICE}/aws4_request"
        encoded_id = quote(quote(connection_id, safe=""), safe="~")
        headers = {"X-Amz-Date": timestamp}
        canonical_headers = f"host:{self.host}\nx-amz-date:{timestamp}\n"
        signed_headers = "host;x-amz-date"
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
            canonical_headers += f"x-amz-security-token:{credentials.token}\n"
            signed_headers += ";x-amz-security-token"

        canonical_request = (
            f"{method}\n{self._canonical_base}{encoded_id}\n\n"
            f"{canonical_headers}\n{signed_headers}\n{payload.sha256_hex}"
        )
        request_hash = hashlib.sha256(canonical_request.encode()).hexdigest()
        to_sign = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{request_hash}"
        key = self._signing_key(credentials, date)
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed_headers}, Signature={signature}"
        )
        return headers

    def _timestamp(self, second: int) -> str:
        if self._times[0] != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
            self._times = (second, text)
        return self._times[1]

    def _signing_key(self, credentials: Credentials, date: str) -> bytes:
        if self._key is None or self._key[0] != credentials or self._key[1] != date:
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (date, self._region, _SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (credentials, date, key)
        return self._key[2]
