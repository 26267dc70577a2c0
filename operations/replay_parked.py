"""`replay-parked`: puts parked records that would be accepted now back into the stream.

A record is removed only when the stream has it. After a crash in between it is put twice; the
consumer recognises the copy. A record that would be parked again stays where it is.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

from operations.console import Console
from operations.stream_replayer import ReplayRecord, StreamReplayer
from rtdts.telemetry_stream.backup_format import truck_of
from rtdts.telemetry_stream.parked_records import ParkedRecord, ParkedRecords
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_admission import KEY_IS_NOT_THE_TRUCK, InvalidRecord, admit

BATCH_RECORDS = 500
"""Points per call of the stream: the rate limiter delays only the next call."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParkedFilter:
    """Selects parked records.

    Attributes:
        prefix: Prefix of their names.
        since_ms: Earliest time at which they were parked.
        reason: Reason for which they were parked; None for any.
    """

    prefix: str = ""
    since_ms: int = 0
    reason: str | None = None


@dataclasses.dataclass(kw_only=True)
class ParkedReplay:
    """The result of a replay."""

    replayed: int = 0
    """Points that the stream accepted."""
    kept: Counter[str] = dataclasses.field(default_factory=Counter)
    """Objects that would be parked again, by reason."""
    failed: int = 0
    """Points that the stream did not accept."""
    failure: str | None = None


def replay_parked(
    parked: ParkedRecords,
    replayer: StreamReplayer,
    chosen: ParkedFilter,
    *,
    now_ms: int,
    dry_run: bool,
    console: Console,
) -> ParkedReplay:
    """Replays the chosen records.

    Args:
        parked: The parked records.
        replayer: The stream.
        chosen: Selects the records.
        now_ms: When the records are put into the stream.
        dry_run: Whether to count only.
        console: Where each record that stays is reported.
    """
    report = ParkedReplay()
    # List all first: the list must not change while it is read page by page.
    entries = [
        one for one in parked.entries(chosen.prefix) if one.modified_at_ms >= chosen.since_ms
    ]
    batch: list[ReplayRecord] = []
    for number, entry in enumerate(entries, start=1):
        console.progress(f"{number} of {len(entries)} parked records")
        record = parked.read(entry.key)
        if chosen.reason is not None and record.reason != chosen.reason:
            continue
        replayable: list[ReplayRecord] = []
        invalid: InvalidRecord | None = None
        for data in record.records:
            point = _admit(record, data, now_ms)
            if isinstance(point, InvalidRecord):
                invalid = point
            else:
                replayable.append(ReplayRecord(name=entry.key, point=point, data=data))
        if invalid is not None:
            report.kept[invalid.reason] += 1
            console.print_line(f"stays: {entry.key}: {invalid.reason}: {invalid.detail}")
            continue
        batch += replayable
        if len(batch) >= BATCH_RECORDS:
            _put(batch, parked, replayer, report, dry_run=dry_run)
            batch = []
    _put(batch, parked, replayer, report, dry_run=dry_run)
    return report


def _admit(record: ParkedRecord, data: bytes, now_ms: int) -> Point | InvalidRecord:
    """Returns the consumer's decision on a record that is put again under its former key."""
    partition_key = record.partition_key
    if partition_key is None:  # parked before keys were kept
        if record.reason == KEY_IS_NOT_THE_TRUCK:
            return InvalidRecord(reason=record.reason, detail=record.detail)
        partition_key = truck_of(data) or ""
    return admit(data, partition_key=partition_key, arrived_at_ms=now_ms)


def _put(
    batch: list[ReplayRecord],
    parked: ParkedRecords,
    replayer: StreamReplayer,
    report: ParkedReplay,
    *,
    dry_run: bool,
) -> None:
    if dry_run:
        report.replayed += len(batch)
        return
    left: list[ReplayRecord] = []
    for start in range(0, len(batch), BATCH_RECORDS):
        some, failure = replayer.put(batch[start : start + BATCH_RECORDS])
        left += some
        report.failure = failure or report.failure
    still = {record.name for record in left}
    for name in dict.fromkeys(record.name for record in batch):
        if name not in still:
            parked.remove(name)
    report.replayed += len(batch) - len(left)
    report.failed += len(left)
