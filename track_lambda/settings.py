"""Settings of track_lambda."""

from __future__ import annotations

import dataclasses

from rtdts.position_store.search_settings import SearchSettings
from rtdts.runtime import edge
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(SearchSettings):
    """What track_lambda reads from its environment."""

    region: str = setting("AWS_REGION", help="AWS region, for signing requests to OpenSearch")
    blocked_identities_table: str = setting(
        "BLOCKED_IDENTITIES_TABLE", help="table of blocked identities and tokens"
    )
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that contains the identity"
    )
    track_pages_per_minute: int = setting(
        "TRACK_PAGES_PER_MINUTE",
        default=120,
        minimum=1,
        maximum=60_000,
        help="pages of tracks that one dispatcher may read per minute from one instance, as a mean "
        "over 5 minutes",
    )
    edge_secrets: str = setting("EDGE_SECRETS", default="", help=edge.HELP)
