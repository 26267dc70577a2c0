"""Settings of the test issuer."""

from __future__ import annotations

import dataclasses

from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What the test issuer reads from its environment."""

    issuer: str = setting("ISSUER", help="the issuer's own URL, without a trailing slash")
    audience: str = setting("AUDIENCE", help="audience of the tokens")
    key_id: str = setting("SIGNING_KEY_ID", help="ARN of the KMS key that signs")
    secret_sha256: str = setting(
        "TOKEN_SECRET_SHA256", help="SHA-256 of the secret that a client must present, in hex"
    )
