"""Settings of iot_lambda."""

from __future__ import annotations

import dataclasses

from rtdts.ingest.ingest_settings import MessageSettings
from rtdts.ingest.quota import PointQuotaSettings
from rtdts.runtime import point_trace
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(PointQuotaSettings, MessageSettings):
    """Settings of iot_lambda; see docs/settings.md."""

    trace_trucks: str = setting("TRACE_TRUCKS", default="", help=point_trace.HELP)
