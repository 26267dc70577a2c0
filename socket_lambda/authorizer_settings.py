"""Settings of the authorizer of $connect."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.table_settings import BlockSettings
from rtdts.runtime import edge, origins
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(BlockSettings):
    """Settings of the authorizer."""

    socket_tickets_table: str = setting("SOCKET_TICKETS_TABLE", help="table of socket tickets")
    allowed_origins: str = setting("ALLOWED_ORIGINS", default="", help=origins.HELP)
    edge_secrets: str = setting("EDGE_SECRETS", default="", help=edge.HELP)
    issuer: str = setting("ISSUER", help="issuer of the tokens: the identity provider's https URL")
    audience: str = setting("AUDIENCE", help="audience that a token must have")
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that contains the identity"
    )
    keys_cached_s: int = setting(
        "KEYS_CACHED_S",
        default=3600,
        minimum=10,
        maximum=86_400,
        help="seconds for which the identity provider's keys are cached",
    )
