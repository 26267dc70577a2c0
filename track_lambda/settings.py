"""Settings of track_lambda."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.table_settings import BlockSettings
from rtdts.position_store.search_settings import SearchSettings
from rtdts.runtime import edge
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(BlockSettings, SearchSettings):
    """Settings of track_lambda."""

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
