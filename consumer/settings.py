"""Settings of the consumer: of the daemon that runs the KCL, and of its children, one per shard."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.deliveries import CLOSED_RETENTION_DAYS
from rtdts.delivery_store.table_settings import DeliveryTableSettings
from rtdts.ingest.quota import QuotaSettings
from rtdts.position_store.search_settings import SearchSettings
from rtdts.runtime import point_trace
from rtdts.runtime.settings import setting
from rtdts.tracking.status_rules import StatusRules
from rtdts.tracking.truck_fold import TrackingRules

_RULES = TrackingRules()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(DeliveryTableSettings, SearchSettings, QuotaSettings):
    """The consumer's settings; the daemon and its children read the same ones."""

    stream_name: str = setting(
        "STREAM_NAME", help="name of the Kinesis stream that points are read from"
    )
    nudge_queue_url: str = setting("NUDGE_QUEUE_URL", help="URL of the queue of nudges")
    parked_bucket: str = setting("PARKED_BUCKET", help="bucket of parked records")
    near_m: float = setting(
        "NEAR_M",
        default=_RULES.status.near_m,
        minimum=0,
        help="metres from the destination at which a delivery is nearby",
    )
    dwell_s: float = setting(
        "DWELL_S",
        default=_RULES.status.dwell_s,
        minimum=0,
        help="seconds inside a geofence that count as a dwell",
    )
    exit_margin_m: float = setting(
        "EXIT_MARGIN_M",
        default=_RULES.status.exit_margin_m,
        minimum=0,
        help="metres outside the origin's geofence that count as having left it",
    )
    late_horizon_s: float = setting(
        "LATE_HORIZON_S",
        default=_RULES.late_horizon_s,
        minimum=60,
        maximum=604_800,
        help="seconds by which a point may be behind its truck's newest and still affect statuses",
    )
    cached_trucks: int = setting(
        "CACHED_TRUCKS",
        default=2_000,
        minimum=1,
        help="truck states that each child caches, about 0.6 kB per truck and 0.3 kB per open "
        "delivery",
    )
    closed_retention_days: int = setting(
        "CLOSED_RETENTION_DAYS",
        default=CLOSED_RETENTION_DAYS,
        minimum=1,
        maximum=3650,
        help="days for which a delivery and its log are kept after it was closed",
    )
    retry_budget_s: float = setting(
        "RETRY_BUDGET_S",
        default=240,
        minimum=1,
        help="seconds that a batch waits for unavailable stores before the process ends; "
        "processing time does not count",
    )

    trace_trucks: str = setting("TRACE_TRUCKS", default="", help=point_trace.HELP)

    java: str = setting("JAVA", default="java", help="the Java program (17 or later)")
    extra_jars: str = setting(
        "KCL_EXTRA_JARS",
        default="",
        help="jars that the daemon needs in addition to amazon_kclpy's, as a class path: JAXB's "
        "API",
    )
    work_folder: str = setting(
        "KCL_WORK_FOLDER",
        default="/tmp/rtdts-consumer",  # noqa: S108 - a container's own; all else is read-only
        help="where the daemon's files are written",
    )
    application_name: str = setting(
        "KCL_APPLICATION_NAME",
        default="rtdts-consumer",
        help="name of the KCL application and so of its lease table",
    )
    worker_id: str | None = setting(
        "KCL_WORKER_ID",
        default=None,
        help="stable name of this daemon: with it, a restart still owns its leases",
    )
    retrieval_mode: str = setting(
        "KCL_RETRIEVAL_MODE",
        default="POLLING",
        choices=("POLLING", "FANOUT"),
        help="polling, or enhanced fan-out (2 MB/s per shard of its own, at extra cost)",
    )
    idle_ms: int = setting(
        "KCL_IDLE_MS",
        default=500,
        minimum=50,
        help="ms between polls of a shard; a shard allows five polls per second, including "
        "Firehose's",
    )
    max_records: int = setting(
        "KCL_MAX_RECORDS", default=2_000, minimum=1, maximum=10_000, help="maximum records per poll"
    )
    failover_ms: int = setting(
        "KCL_FAILOVER_MS",
        default=10_000,
        minimum=500,
        help="ms without renewal after which another worker takes a lease",
    )
    shard_sync_interval_ms: int = setting(
        "KCL_SHARD_SYNC_INTERVAL_MS",
        default=60_000,
        minimum=100,
        help="ms that the daemon waits after creating leases",
    )
    lease_assignment_interval_ms: int | None = setting(
        "KCL_LEASE_ASSIGNMENT_INTERVAL_MS",
        default=None,
        minimum=100,
        help="ms between assignments of leases; the KCL's default is twice the failover time",
    )
    worker_metrics_capture_ms: int | None = setting(
        "KCL_WORKER_METRICS_CAPTURE_MS",
        default=None,
        minimum=100,
        help="ms between measurements of this worker's load",
    )
    worker_metrics_report_ms: int | None = setting(
        "KCL_WORKER_METRICS_REPORT_MS",
        default=None,
        minimum=100,
        help="ms between reports of this worker's load",
    )
    shutdown_grace_ms: int = setting(
        "KCL_SHUTDOWN_GRACE_MS",
        default=5_000,
        minimum=0,
        help="ms that the children have to finish on SIGTERM",
    )
    child_timeout_s: int = setting(
        "KCL_CHILD_TIMEOUT_S",
        default=600,
        minimum=1,
        help="seconds without a response after which a child counts as hung; well above "
        "RETRY_BUDGET_S, because a batch also takes time to process",
    )
    metrics_level: str = setting(
        "KCL_METRICS_LEVEL",
        default="SUMMARY",
        choices=("NONE", "SUMMARY", "DETAILED"),
        help="which of the KCL's own metrics go to CloudWatch",
    )
    uses_cbor: bool = setting(
        "KCL_CBOR",
        default=True,
        help="whether the daemon uses CBOR (yes) or JSON (no) with Kinesis",
    )

    @property
    def rules(self) -> TrackingRules:
        """The domain's limits."""
        return TrackingRules(
            status=StatusRules(
                near_m=self.near_m, dwell_s=self.dwell_s, exit_margin_m=self.exit_margin_m
            ),
            late_horizon_s=self.late_horizon_s,
        )
