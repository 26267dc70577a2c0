"""Settings of the operators' commands."""

from __future__ import annotations

import dataclasses

from operations.device_settings import DeviceSettings
from rtdts.delivery_store.table_settings import ShareTableSettings
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ShareTableSettings, DeviceSettings):
    """What all other commands read from their environment."""

    stream_name: str = setting("STREAM_NAME", help="the Kinesis stream that points go to")
    parked_bucket: str = setting("PARKED_BUCKET", help="bucket of what can't be processed")
    raw_backup_bucket: str = setting("RAW_BACKUP_BUCKET", help="bucket of Firehose's backup")
    opensearch_url: str = setting("OPENSEARCH_URL", help="URL of the OpenSearch domain")
    opensearch_auth: str = setting(
        "OPENSEARCH_AUTH",
        default="sigv4",
        choices=("sigv4", "none"),
        help="how requests to OpenSearch are signed",
    )
