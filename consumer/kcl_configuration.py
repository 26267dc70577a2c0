"""The MultiLangDaemon's configuration: its properties, its logging and its command line. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from consumer.daemon_halt import MAIN_CLASS
from consumer.settings import Settings

CHILD_COMMAND = "python -m consumer"
"""Found on the PATH: the KCL splits this at spaces and ignores quotes, so it can't hold a path."""

INITIAL_POSITION: Final = "TRIM_HORIZON"
"""Where a shard without a checkpoint begins. `LATEST` would skip accepted points: those from before
the first consumer ran, or from before a new shard was found."""

HEAP_MB: Final = 512
"""The daemon's heap. The daemon keeps no records: the size that it needs depends on its shards and
on `KCL_MAX_RECORDS`, not on the number of trucks."""

LOGBACK = """\
<configuration>
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder>
      <pattern>%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z', UTC} %-5level %logger{0} - %msg%n</pattern>
    </encoder>
  </appender>
  <!-- It prints each line of a child's standard error twice: raw, and as an error of its own. -->
  <logger name="software.amazon.kinesis.multilang.DrainChildSTDERRTask" level="OFF"/>
  <logger name="software.amazon.awssdk" level="WARN"/>
  <logger name="io.netty" level="WARN"/>
  <root level="WARN">
    <appender-ref ref="STDERR"/>
  </root>
</configuration>
"""


def properties(settings: Settings) -> Mapping[str, str]:
    """Returns the daemon's properties."""
    chosen: dict[str, object | None] = {
        "executableName": CHILD_COMMAND,
        "processingLanguage": "python/3",
        "streamName": settings.stream_name,
        "applicationName": settings.application_name,
        "AwsCredentialsProvider": "DefaultCredentialsProvider",
        "regionName": settings.region,
        "initialPositionInStream": INITIAL_POSITION,
        "workerId": settings.worker_id,
        "retrievalMode": settings.retrieval_mode,
        "failoverTimeMillis": settings.failover_ms,
        "shardSyncIntervalMillis": settings.shard_sync_interval_ms,
        "leaseAssignmentIntervalMillis": settings.lease_assignment_interval_ms,
        "inMemoryWorkerMetricsCaptureFrequencyMillis": settings.worker_metrics_capture_ms,
        "workerMetricsReporterFreqInMillis": settings.worker_metrics_report_ms,
        "shutdownGraceMillis": settings.shutdown_grace_ms,
        "timeoutInSeconds": settings.child_timeout_s,
        "metricsLevel": settings.metrics_level,
        # An empty batch triggers the checkpoint that was not due with the last full one.
        "callProcessRecordsEvenForEmptyRecordList": "true",
    }
    if settings.retrieval_mode == "POLLING":  # any of these would silently switch fan-out off
        chosen["idleTimeBetweenReadsInMillis"] = settings.idle_ms
        chosen["maxRecords"] = settings.max_records
    return {name: str(value) for name, value in chosen.items() if value is not None}


def properties_file(of: Mapping[str, str]) -> str:
    """Returns properties in Java's format."""
    return "".join(f"{name} = {_escaped(value)}\n" for name, value in of.items())


def command(
    settings: Settings, *, jars: Path, properties_path: Path, logback_path: Path
) -> list[str]:
    """Returns the daemon's command line.

    The KCL reports a malformed aggregated record by means of JAXB, which Java dropped in version 11
    and `amazon_kclpy` does not include: without that jar, one such record stops its shard
    permanently.
    """
    class_path = [f"{jars}/*", *filter(None, [settings.extra_jars])]
    return [
        settings.java,
        f"-Xmx{HEAP_MB}m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        f"-Daws.cborEnabled={str(settings.uses_cbor).lower()}",
        "-cp",
        os.pathsep.join(class_path),
        MAIN_CLASS,
        "--properties-file",
        str(properties_path),
        "--log-configuration",
        str(logback_path),
    ]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
