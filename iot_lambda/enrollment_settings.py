"""Settings of iot_lambda.enrollment."""

from __future__ import annotations

import dataclasses

from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the enrollment hook; see docs/settings.md."""

    device_credentials_table: str = setting(
        "DEVICE_CREDENTIALS_TABLE", help="table of devices' credentials"
    )
