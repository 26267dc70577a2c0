"""The KCL's record processor: a thin adapter that never acknowledges what is not durable.

`amazon_kclpy` swallows every exception of a record processor and then acknowledges the batch; only
`SystemExit` gets through. So any error here ends the process: the daemon ends with it, the
container restarts it, and the batch is delivered again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from consumer.arrivals import StreamRecord
from consumer.checkpointing import Checkpoints, KclCheckpointer
from consumer.errors import LeaseLost
from consumer.pipeline import BatchReport
from consumer.settling import SettleReport
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import Metric, MetricWriter
from rtdts.tracking.stream_position import StreamPosition

LEASE_LOST_WITHIN_FAILOVERS = 3
"""The KCL notifies a worker that lost its lease at the latest when renewing the lease fails; it
renews several times per failover time."""

METRICS = (
    Metric("Points", "Count"),
    Metric("Duplicates", "Count"),
    Metric("LatePoints", "Count"),
    Metric("PointsBeyondHorizon", "Count"),
    Metric("SlowClocks", "Count"),
    Metric("Parked", "Count"),
    Metric("Transitions", "Count"),
    Metric("BatchDuration", "Milliseconds"),
    Metric("PointAge", "Milliseconds"),
)


class KclRecord(Protocol):
    """`amazon_kclpy.messages.Record`, as far as it is used."""

    binary_data: bytes
    partition_key: str
    sequence_number: str
    sub_sequence_number: int | None
    timestamp_millis: int


class InitializeInput(Protocol):
    """`amazon_kclpy.messages.InitializeInput`."""

    shard_id: str
    sequence_number: str | None
    sub_sequence_number: int | None


class ProcessRecordsInput(Protocol):
    """`amazon_kclpy.messages.ProcessRecordsInput`."""

    records: Sequence[KclRecord]
    millis_behind_latest: int | None
    checkpointer: KclCheckpointer


class EndingInput(Protocol):
    """`amazon_kclpy.messages.ShardEndedInput` and `ShutdownRequestedInput`."""

    checkpointer: KclCheckpointer


class Pipeline(Protocol):
    """See `consumer.pipeline.BatchPipeline`."""

    def begin_after(self, position: StreamPosition | None) -> None:
        """Sets the last record that is already durable."""

    def process(self, records: Sequence[StreamRecord]) -> BatchReport:
        """Makes a batch durable."""

    def settle(self, *, everything: bool = False) -> SettleReport | None:
        """Settles late points whose time has come."""


class RecordProcessor:
    """Processes one shard.

    Args:
        pipeline_of: Creates the pipeline of a shard.
        log: Gets one line per batch.
        metrics: Gets one line per batch.
        lease_lost_within_s: How long to wait for the KCL to report a lost lease, once another
            process has it.
        now_ms: Wall clock, compared with the time at which a record arrived in the stream.
    """

    version = 3  # of the KCL's interface: what `amazon_kclpy` looks for

    def __init__(
        self,
        *,
        pipeline_of: Callable[[str], Pipeline],
        checkpoints: Checkpoints,
        log: Logger,
        metrics: MetricWriter,
        lease_lost_within_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._pipeline_of = pipeline_of
        self._checkpoints = checkpoints
        self._log = log
        self._metrics = metrics
        self._lease_lost_within_s = lease_lost_within_s
        self._clock = clock
        self._now_ms = now_ms
        self._pipeline: Pipeline | None = None
        self._shard_id = ""
        self._lease_lost_at_s: float | None = None

    def initialize(self, initialize_input: InitializeInput) -> None:
        """Receives this process's shard from the daemon."""
        self._shard_id = initialize_input.shard_id
        try:
            self._pipeline = self._pipeline_of(self._shard_id)
        except Exception as error:
            self._die("initialize_failed", error)
        self._pipeline.begin_after(_position_of(initialize_input))
        self._log.info(
            "record_processor_ready",
            shard_id=self._shard_id,
            from_sequence_number=initialize_input.sequence_number,
        )

    def process_records(self, process_records_input: ProcessRecordsInput) -> None:
        """Makes a batch durable, then checkpoints; or ends the process."""
        if self._lease_lost_at_s is not None:
            self._wait_for_the_end()
            return
        try:
            self._process(process_records_input)
        except LeaseLost as error:
            # The process that wrote the state has the lease. `lease_lost` would never arrive while
            # this process waits here, because it reads its messages one by one.
            self._lease_lost_at_s = self._clock()
            self._log.warning(
                "state_conflict",
                shard_id=self._shard_id,
                truck_id=error.truck_id,
                writer_id=error.writer_id,
            )
        except Exception as error:
            self._die("batch_failed", error)

    def lease_lost(self, _lease_lost_input: object) -> None:
        """Stops writing, because another worker has the lease."""
        self._log.info("lease_lost", shard_id=self._shard_id)
        self._lease_lost_at_s = self._lease_lost_at_s or self._clock()

    def shard_ended(self, shard_ended_input: EndingInput) -> None:
        """Checkpoints the end of the shard, once all is durable: its children may be read."""
        if self._lease_lost_at_s is not None:
            # After a response without a checkpoint the KCL would keep the lease, end this process,
            # and report the shard's end again and again: neither the shard nor its children would
            # ever be read.
            self._die("lease_lost_at_shard_end", None)
        try:
            self._settle(everything=True)
            is_checkpointed = self._checkpoints.end_shard(shard_ended_input.checkpointer)
        except Exception as error:
            self._die("shard_end_failed", error)
        if not is_checkpointed:
            self._die("shard_end_rejected", None)
        self._log.info("shard_ended", shard_id=self._shard_id)

    def shutdown_requested(self, shutdown_requested_input: EndingInput) -> None:
        """Checkpoints for a draining daemon, so that the next worker does not repeat records."""
        if self._lease_lost_at_s is not None:
            return
        try:
            is_checkpointed = self._checkpoints.checkpoint_now(
                shutdown_requested_input.checkpointer
            )
        except Exception as error:
            self._die("shutdown_failed", error)
        self._log.info("shutdown_requested", shard_id=self._shard_id, checkpointed=is_checkpointed)

    def _process(self, batch: ProcessRecordsInput) -> None:
        if self._pipeline is None:
            raise RuntimeError("not initialized")
        started_s = self._clock()
        records = [_stream_record(record) for record in batch.records]
        if records:
            report = self._pipeline.process(records)
            self._checkpoints.durable_up_to(max(record.position for record in records))
            self._report(report, started_s, records, batch.millis_behind_latest or 0)
        self._settle()
        # After an empty batch, too: it triggers the checkpoint that was not due yet.
        self._checkpoints.checkpoint_if_due(batch.checkpointer)

    def _settle(self, *, everything: bool = False) -> None:
        if self._pipeline is None:
            return
        started_s = self._clock()
        report = self._pipeline.settle(everything=everything)
        if report is None:
            return
        duration_ms = round((self._clock() - started_s) * 1_000, 1)
        self._log.info(
            "settled",
            shard_id=self._shard_id,
            **dataclasses.asdict(report),
            duration_ms=duration_ms,
        )

    def _report(
        self,
        report: BatchReport,
        started_s: float,
        records: Sequence[StreamRecord],
        behind_ms: int,
    ) -> None:
        duration_ms = round((self._clock() - started_s) * 1_000, 1)
        # For the oldest point: how long after its arrival in the stream it can be seen.
        age_ms = self._now_ms() - min(record.arrived_at_ms for record in records)
        self._log.info(
            "batch",
            shard_id=self._shard_id,
            records=report.records,
            trucks=report.trucks,
            points=report.points,
            duplicates=report.duplicates,
            skipped=report.skipped,
            erased=report.erased,
            late=report.late,
            beyond=report.beyond,
            parked=report.parked,
            transitions=report.transitions,
            nudges=report.nudges,
            slow_clocks=report.slow_clocks,
            duration_ms=duration_ms,
            age_ms=age_ms,
            behind_ms=behind_ms,
        )
        self._metrics.emit(
            {
                "Points": report.points,
                "Duplicates": report.duplicates,
                "LatePoints": report.late,
                "PointsBeyondHorizon": report.beyond,
                "SlowClocks": report.slow_clocks,
                "Parked": report.parked,
                "Transitions": report.transitions,
                "BatchDuration": duration_ms,
                "PointAge": age_ms,
            }
        )

    def _wait_for_the_end(self) -> None:
        waited_s = self._clock() - (self._lease_lost_at_s or 0.0)
        if waited_s > self._lease_lost_within_s:
            self._die("no_lease_lost", None)

    def _die(self, event: str, error: Exception | None) -> NoReturn:
        if error is None:
            self._log.error(event, shard_id=self._shard_id)
        else:
            self._log.exception(event, error, shard_id=self._shard_id)
        raise SystemExit(1) from error


def _position_of(initialize_input: InitializeInput) -> StreamPosition | None:
    """Returns the checkpoint; None when reading begins at either end of the stream."""
    number = initialize_input.sequence_number
    if number is None or not number.isdecimal():
        return None
    return StreamPosition(int(number), initialize_input.sub_sequence_number or 0)


def _stream_record(record: KclRecord) -> StreamRecord:
    return StreamRecord(
        partition_key=record.partition_key,
        sequence_number=record.sequence_number,
        sub_sequence_number=record.sub_sequence_number or 0,
        data=record.binary_data,
        arrived_at_ms=record.timestamp_millis,
    )
