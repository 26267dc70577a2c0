"""Settings of the operators' commands."""

from __future__ import annotations

import dataclasses

from operations.device_settings import DeviceSettings
from rtdts.delivery_store.table_settings import ShareTableSettings
from rtdts.position_store.search_settings import SearchSettings
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ShareTableSettings, DeviceSettings, SearchSettings):
    """Settings of all other commands."""

    stream_name: str = setting(
        "STREAM_NAME", help="name of the Kinesis stream that points are put into"
    )
    parked_bucket: str = setting("PARKED_BUCKET", help="bucket of parked records")
    device_messages_stream: str = setting(
        "DEVICE_MESSAGES_STREAM",
        default="",
        help="the Kinesis stream that AWS IoT Core's rule writes to; none if that ingest "
        "endpoint is off",
    )
    failed_messages_queue_url: str = setting(
        "FAILED_DEVICE_MESSAGES_QUEUE_URL",
        default="",
        help="URL of the queue of messages that the rule could not write; none if that ingest "
        "endpoint is off",
    )
    raw_backup_bucket: str = setting("RAW_BACKUP_BUCKET", help="bucket of Firehose's backup")
