"""The stand-in for Firehose: copies the stream to the raw log, at least once.

    python -m sim.local_cloud.firehose        (settings from the environment, see Settings)

Like Firehose it splits aggregated records, buffers by time and size, lets OpenSearch generate the
ids, and keeps in S3 a copy of everything and, separately, what OpenSearch never accepts. It writes
a batch to the raw log and to the backup first, then the position. A kill in between delivers that
batch twice.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from rtdts.position_store.client import connect
from rtdts.position_store.raw_log import RawLog
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.settings import SettingsError, read_settings, setting
from sim.local_cloud.firehose_buffer import Buffer
from sim.local_cloud.firehose_delivery import Delivery, DeliveryStoppedError
from sim.local_cloud.firehose_documents import documents_of
from sim.local_cloud.firehose_positions import PositionFile
from sim.local_cloud.firehose_stream import StreamReader, stream_identity

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLL_S = 0.5
"""Interval of reads. Firehose reads a shard once per second; this interval keeps the 5 s of its
buffer closer to 5 s."""
RETRY_FIRST_S = 0.2
RETRY_MAX_S = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that the stand-in reads from its environment."""

    stream_name: str = setting("STREAM_NAME", help="the Kinesis stream to read")
    opensearch_url: str = setting("OPENSEARCH_URL", help="URL of the raw log's OpenSearch")
    backup_bucket: str = setting("RAW_BACKUP_BUCKET", help="bucket of the backup")
    position_file: str = setting("FIREHOSE_POSITION_FILE", help="file that keeps the position")
    interval_s: float = setting(
        "FIREHOSE_INTERVAL_S", default=5.0, minimum=0.1, help="buffering interval in seconds"
    )
    buffer_bytes: int = setting(
        "FIREHOSE_BUFFER_BYTES", default=5_000_000, minimum=1, help="buffering size in bytes"
    )
    retry_s: float = setting(
        "FIREHOSE_RETRY_S",
        default=300.0,
        minimum=0.0,
        help="how long a document is tried before it goes to the backup, in seconds",
    )


class Firehose:
    """Moves records from the reader through the buffer to the delivery."""

    def __init__(
        self,
        reader: StreamReader,
        buffer: Buffer,
        delivery: Delivery,
        positions: PositionFile,
        log: Logger,
    ) -> None:
        self._reader = reader
        self._buffer = buffer
        self._delivery = delivery
        self._file = positions
        self._delivered = positions.read()
        self._log = log

    def run(self, stop: threading.Event) -> None:
        """Runs until ``stop`` is set, then delivers what is buffered."""
        while not stop.is_set():
            if not self._take_in():
                stop.wait(POLL_S)
            if self._buffer.is_due(time.monotonic()):
                self._flush()
        self._flush()

    def _take_in(self) -> bool:
        records = self._reader.read()
        for record in records:
            documents, failed = documents_of(record)
            self._buffer.add(
                documents,
                failed,
                shard_id=record.shard_id,
                sequence_number=record.sequence_number,
                now_s=time.monotonic(),
            )
        return bool(records)

    def _flush(self) -> None:
        batch = self._buffer.drain()
        if not batch.positions:
            return
        report = self._delivery.deliver(batch)
        self._delivered |= batch.positions
        self._file.write(self._delivered)
        self._log.info("delivered", **dataclasses.asdict(report))


class _S3Backup:
    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body)


def build(settings: Settings, stop: threading.Event, log: Logger) -> Firehose:
    """Connects the parts; the stream must exist."""
    session = boto3.Session()
    kinesis = session.client("kinesis")
    identity = stream_identity(kinesis, settings.stream_name)
    positions = PositionFile(Path(settings.position_file), stream=identity)
    return Firehose(
        StreamReader(kinesis, settings.stream_name, positions.read()),
        Buffer(interval_s=settings.interval_s, size_bytes=settings.buffer_bytes),
        Delivery(
            raw_log=RawLog(connect(settings.opensearch_url)),
            backup=_S3Backup(session.client("s3"), settings.backup_bucket),
            wait=stop.wait,
            monotonic_s=time.monotonic,
            now_utc=partial(datetime.now, UTC),
            retry_s=settings.retry_s,
            waits_s=partial(backoff_s, first_s=RETRY_FIRST_S, max_s=RETRY_MAX_S),
        ),
        positions,
        log,
    )


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Runs until SIGTERM or Ctrl-C; unexpected errors end it, and the supervisor restarts it."""
    log = get_logger("firehose")
    try:
        settings = read_settings(Settings, environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    firehose = build(settings, stop, log)
    log.info("firehose_ready", stream=settings.stream_name)
    try:
        firehose.run(stop)
    except DeliveryStoppedError:
        log.warning("stopped_undelivered", hint="the same records come again at the next start")
    return 0


if __name__ == "__main__":
    sys.exit(main())
