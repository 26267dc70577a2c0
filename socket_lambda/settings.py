"""Settings of socket_lambda: of its routes and of its authorizer, which are told the same."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.table_settings import TableSettings
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(TableSettings):
    """What socket_lambda reads from its environment."""

    nudge_queue_url: str = setting("NUDGE_QUEUE_URL", help="URL of the queue of nudges")
    socket_management_url: str = setting(
        "SOCKET_MANAGEMENT_URL", help="https URL of the socket's stage, for posting to connections"
    )
    max_tracked: int = setting(
        "MAX_TRACKED",
        default=100,
        minimum=1,
        maximum=10_000,
        help="deliveries that one connection may follow",
    )
    issuer: str = setting("ISSUER", help="issuer of the tokens: the identity provider's URL")
    audience: str = setting("AUDIENCE", help="audience that a token must be for")
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that names its holder"
    )
    keys_kept_s: int = setting(
        "KEYS_KEPT_S",
        default=3600,
        minimum=10,
        maximum=86_400,
        help="seconds for which the identity provider's keys are kept",
    )
