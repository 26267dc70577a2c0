"""Settings of the commands about devices."""

from __future__ import annotations

import dataclasses

from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """Settings of the commands about devices, which need only one table."""

    region: str = setting("AWS_REGION", help="region of the stream, the tables and the domain")
    device_credentials_table: str = setting(
        "DEVICE_CREDENTIALS_TABLE", help="table of devices' credentials"
    )
    server_url: str = setting(
        "SERVER_URL",
        default="",
        help="base URL at which phones reach the HTTP API; used by device add without --url",
    )
