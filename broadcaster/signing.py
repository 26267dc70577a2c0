"""AWS Signature Version 4 for requests to connections: cheap, since each post needs one.

botocore's signer builds a request object, sorts headers and derives the signing key again for every
call; at thousands of posts per second that is most of the work. Here the key and all texts without
the connection are made once per second, and the payload's hash is computed once per message; what
remains are two hashes. The tests use botocore's own signer as the oracle.

Algorithm: AWS IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
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


class _Context(NamedTuple):
    """What the signatures of one second have in common."""

    credentials: Credentials
    second: int
    key: bytes
    headers: Mapping[str, str]
    canonical_headers: str
    string_to_sign: str
    """The string to sign, without the hash at its end."""
    authorization: str
    """The value of the header, without the signature at its end."""


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
        self._context: _Context | None = None

    def path(self, connection_id: str) -> str:
        """The path of a connection; already encoded."""
        return f"{self._base_path}{quote(connection_id, safe='')}"

    def headers(
        self,
        path: str,
        payload: Payload,
        credentials: Credentials,
        now_ms: int,
        *,
        method: str = "POST",
    ) -> dict[str, str]:
        """The headers that sign a request with this payload to a path that `path` returned."""
        second = now_ms // 1000
        context = self._context
        if context is None or context.second != second or context.credentials != credentials:
            context = self._context = self._context_of(credentials, second)
        # Encoded once more: after the base, only "%" changes.
        canonical_id = path[len(self._base_path) :].replace("%", "%25")
        canonical_request = (
            f"{method}\n{self._canonical_base}{canonical_id}\n\n"
            f"{context.canonical_headers}\n{payload.sha256_hex}"
        )
        request_hash = hashlib.sha256(canonical_request.encode()).hexdigest()
        to_sign = f"{context.string_to_sign}{request_hash}"
        signature = hmac.digest(context.key, to_sign.encode(), "sha256").hex()
        return {**context.headers, "Authorization": f"{context.authorization}{signature}"}

    def _context_of(self, credentials: Credentials, second: int) -> _Context:
        timestamp = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
        date = timestamp[:8]
        scope = f"{date}/{self._region}/{_SERVICE}/aws4_request"
        headers = {"X-Amz-Date": timestamp}
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        signed = {"host": self.host, **{name.lower(): value for name, value in headers.items()}}
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        names = ";".join(signed)
        key = f"AWS4{credentials.secret_key}".encode()
        for part in (date, self._region, _SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return _Context(
            credentials=credentials,
            second=second,
            key=key,
            headers=headers,
            canonical_headers=f"{lines}\n{names}",
            string_to_sign=f"{_ALGORITHM}\n{timestamp}\n{scope}\n",
            authorization=(
                f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
                f"SignedHeaders={names}, Signature="
            ),
        )
