"""Checks AWS Signature Version 4 of a request. Pure: the time is a parameter.

The tests compare it with botocore's signer. The algorithm: AWS IAM User Guide, "Create a signed
AWS API request"; the error responses: API Gateway Developer Guide, "Gateway response types for API
Gateway". The signing key is derived once per day: at thousands of posts per second the four hashes
of its derivation would cost as much as the rest.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from sim.local_cloud.socket_gateway.http_head import Head

CLOCK_SKEW_S: Final = 300.0
SERVICE: Final = "execute-api"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request,\s*"
    r"SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)


class Unsigned(enum.Enum):
    """Why a request is rejected; the value is API Gateway's error type."""

    MISSING = "MissingAuthenticationTokenException"
    INCOMPLETE = "IncompleteSignatureException"
    UNKNOWN_KEY = "UnrecognizedClientException"
    WRONG = "InvalidSignatureException"


class SignatureCheck:
    """Checks signatures of one credential for one region.

    Args:
        access_key: The only valid access key.
        secret_key: Its secret.
        region: The region that the signature must be for.
    """

    def __init__(self, access_key: str, secret_key: str, region: str) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._region = region
        self._key: tuple[str, bytes] = ("", b"")
        self._time: tuple[str, float] = ("", 0.0)

    def problem(self, head: Head, body: bytes, now_s: float) -> Unsigned | None:
        """Why a request is rejected; None when its signature is valid.

        Args:
            head: The head with the signed headers.
            body: The whole body.
            now_s: The current time, in seconds since the epoch.
        """
        headers = head.headers
        authorization = headers.get("authorization")
        if authorization is None:
            return Unsigned.MISSING
        parts = _AUTHORIZATION.fullmatch(authorization)
        timestamp = headers.get("x-amz-date", "")
        if parts is None or not timestamp:
            return Unsigned.INCOMPLETE
        access_key, date, region, service, names, signature = parts.groups()
        if access_key != self._access_key:
            return Unsigned.UNKNOWN_KEY
        signed = names.split(";")
        if (region, service) != (self._region, SERVICE) or not {"host", "x-amz-date"} <= {*signed}:
            return Unsigned.WRONG
        if not timestamp.startswith(date) or not self._is_recent(timestamp, now_s):
            return Unsigned.WRONG
        lines = "".join([f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed])
        path, _, query = head.target.partition("?")
        canonical = (
            f"{head.method}\n{quote(path, safe='/~')}\n{_sorted(query)}\n{lines}\n{names}\n"
            f"{hashlib.sha256(body).hexdigest()}"
        )
        scope = f"{date}/{region}/{service}/aws4_request"
        to_sign = (
            f"{_ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        )
        right = hmac.digest(self._signing_key(date), to_sign.encode(), "sha256").hex()
        return None if hmac.compare_digest(right, signature) else Unsigned.WRONG

    def _signing_key(self, date: str) -> bytes:
        if self._key[0] != date:
            key = f"AWS4{self._secret_key}".encode()
            for part in (date, self._region, SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (date, key)
        return self._key[1]

    def _is_recent(self, timestamp: str, now_s: float) -> bool:
        if self._time[0] != timestamp:
            try:
                at = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            except ValueError:
                return False
            self._time = (timestamp, at.timestamp())
        return abs(self._time[1] - now_s) <= CLOCK_SKEW_S


def _sorted(query: str) -> str:
    return "&".join(sorted(query.split("&"))) if "&" in query else query
