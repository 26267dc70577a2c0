"""Settings of search_admin_lambda."""

from __future__ import annotations

import dataclasses

from rtdts.position_store.search_settings import SearchSettings
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(SearchSettings):
    """Settings of search_admin_lambda."""

    raw_writer_role_arn: str = setting(
        "RAW_WRITER_ROLE_ARN", help="ARN of the role with which Firehose writes the raw log"
    )
    consumer_role_arn: str = setting("CONSUMER_ROLE_ARN", help="ARN of the consumer's role")
    broadcaster_role_arn: str = setting(
        "BROADCASTER_ROLE_ARN", help="ARN of the broadcaster's role"
    )
    track_role_arn: str = setting(
        "TRACK_ROLE_ARN", help="ARN of the role of the function that reads tracks"
    )
    operations_role_arn: str = setting(
        "OPERATIONS_ROLE_ARN", help="ARN of the role of the operators' commands"
    )
    raw_retention_days: int = setting(
        "RAW_RETENTION_DAYS",
        default=3,
        minimum=1,
        maximum=365,
        help="days for which the raw log is kept",
    )
    positions_retention_days: int = setting(
        "POSITIONS_RETENTION_DAYS",
        default=90,
        minimum=8,  # a point may be a week older than its arrival: its index must outlive it
        maximum=3650,
        help="days for which the history of positions is kept",
    )
    search_shards: int = setting(
        "SEARCH_SHARDS",
        default=1,
        minimum=1,
        maximum=100,
        help="primary shards of each index that is created from now on",
    )
