"""`replay-backup`: puts records that Firehose stored in S3 into the raw log or the stream again.

Objects are replayed one at a time, in the order of their keys. Each is reported when it is done, so
an interrupted replay can continue after the last one. Replaying an object twice does no harm: in
the raw log its documents overwrite themselves, in the stream its points are recognised as copies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from operations.console import Console
from operations.errors import UnfinishedError
from operations.rate_limiter import RateLimiter
from operations.stream_replayer import ReplayRecord, StreamReplayer
from rtdts.position_store.bulk import ItemOutcome, WriteResult
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import RAW_PREFIX
from rtdts.position_store.raw_log import RawDocument, on_one_line, raw_index_of
from rtdts.telemetry_stream.backup_format import (
    FAILED_FOLDER,
    BrokenObjectError,
    FailedDocument,
    arrived_at_ms,
    failed_documents,
    split_records,
    truck_of,
)
from rtdts.telemetry_stream.firehose_backup import FirehoseBackup
from rtdts.tracking.stream_admission import InvalidRecord, admit
from rtdts.tracking.stream_codec import InvalidPoint, decode_point

BULK_DOCUMENTS = 2_000
STREAM_RECORDS = 5_000


class RawLogPort(Protocol):
    """See `rtdts.position_store.raw_log.RawLog`."""

    def index(self, documents: Sequence[RawDocument]) -> Sequence[ItemOutcome]:
        """Indexes all; returns one outcome per document."""


class BackupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a backup."""

    data: bytes
    index: str
    """The index for which Firehose intended it; empty if the object doesn't name one."""


class ReplayTarget(Protocol):
    """The target of a replay."""

    def put(self, records: Sequence[BackupRecord], *, key: str, dry_run: bool) -> int:
        """Puts an object's records, except those never accepted by the target; returns how many.

        Raises:
            UnfinishedError: Some of the other records were not put.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Span:
    """Selects objects after a key whose oldest record arrived in an interval."""

    folder: str
    from_ms: int
    to_ms: int
    after: str = ""


@dataclasses.dataclass(kw_only=True)
class BackupReplay:
    """The result of a replay."""

    objects: int = 0
    replayed: int = 0
    rejected: int = 0
    """Records that the target would never accept."""
    last_key: str = ""


def replay_backup(
    backup: FirehoseBackup, target: ReplayTarget, span: Span, *, dry_run: bool, console: Console
) -> BackupReplay:
    """Replays an interval's objects.

    Raises:
        UnfinishedError: The target did not accept all records, or an object is broken; the message
            names the key after which to continue.
    """
    report = BackupReplay()
    keys = list(backup.keys(span.folder, from_ms=span.from_ms, to_ms=span.to_ms, after=span.after))
    console.print_line(f"{len(keys)} objects")
    for key in keys:
        try:
            records = list(_records(key, backup.read(key)))
            replayed = target.put(records, key=key, dry_run=dry_run)
        except (UnfinishedError, BrokenObjectError) as error:
            on = f"--after {report.last_key}" if report.last_key else "the same command"
            raise UnfinishedError(
                f"{key}: {error}; {report.objects} objects done; continue with {on}"
            ) from error
        report.objects += 1
        report.replayed += replayed
        report.rejected += len(records) - replayed
        report.last_key = key
        console.print_line(
            f"done: {key}: {replayed} of {len(records)} ({report.objects}/{len(keys)})"
        )
    return report


def _records(key: str, data: bytes) -> Iterator[BackupRecord]:
    if not key.startswith(FAILED_FOLDER):
        for record in split_records(data):
            yield BackupRecord(data=record, index="")
        return
    for document in failed_documents(data):
        if isinstance(document, FailedDocument):
            try:
                yield BackupRecord(data=document.record, index=document.esIndexName)
            except ValueError:
                yield BackupRecord(data=document.rawData.encode(), index="")
        else:
            yield BackupRecord(data=document, index="")


class IntoStream:
    """Replays into the stream: the consumer and Firehose get the records as if sent by trucks.

    Args:
        replayer: The stream.
        console: Where records that the consumer would not accept are reported.
    """

    def __init__(
        self, replayer: StreamReplayer, *, console: Console, now_ms: Callable[[], int]
    ) -> None:
        self._replayer = replayer
        self._console = console
        self._now_ms = now_ms

    def put(self, records: Sequence[BackupRecord], *, key: str, dry_run: bool) -> int:
        """See `ReplayTarget`."""
        replayable: list[ReplayRecord] = []
        for record in records:
            # The record's key was its truck's id: with any other it would have been parked.
            truck_id = truck_of(record.data) or ""
            point = admit(record.data, partition_key=truck_id, arrived_at_ms=self._now_ms())
            if isinstance(point, InvalidRecord):
                self._console.progress(f"left out: {key}: {point.reason}: {point.detail}")
            else:
                replayable.append(ReplayRecord(name=key, point=point, data=record.data))
        if not dry_run:
            for start in range(0, len(replayable), STREAM_RECORDS):
                left, failure = self._replayer.put(replayable[start : start + STREAM_RECORDS])
                if left:
                    raise UnfinishedError(
                        f"the stream did not accept {len(left)} points: {failure}"
                    )
        return len(replayable)


class IntoRawLog:
    """Replays into the raw log, into the index of the day on which a record arrived.

    Args:
        raw_log: The raw log.
        rate_limiter: Limits the rate.
        waits_s: The waits between attempts while the raw log can't accept a document; the replay
            fails after the last one.
        console: Where documents that the raw log rejects are reported.
    """

    def __init__(
        self,
        raw_log: RawLogPort,
        rate_limiter: RateLimiter,
        *,
        waits_s: Callable[[], Iterator[float]],
        sleep: Callable[[float], None],
        console: Console,
    ) -> None:
        self._raw_log = raw_log
        self._rate_limiter = rate_limiter
        self._waits_s = waits_s
        self._sleep = sleep
        self._console = console

    def put(self, records: Sequence[BackupRecord], *, key: str, dry_run: bool) -> int:
        """See `ReplayTarget`."""
        documents: list[RawDocument] = []
        for record in records:
            try:
                source = on_one_line(record.data)
            except ValueError as error:
                self._console.progress(f"left out: {key}: {error}")
            else:
                documents.append(RawDocument(index=_index_of(record, key), source=source))
        if dry_run:
            return len(documents)
        rejected = 0
        for start in range(0, len(documents), BULK_DOCUMENTS):
            chunk = documents[start : start + BULK_DOCUMENTS]
            self._rate_limiter.wait_for(len(chunk))
            rejected += self._index(chunk, key)
        return len(documents) - rejected

    def _index(self, documents: Sequence[RawDocument], key: str) -> int:
        """Indexes documents; returns how many were rejected as invalid."""
        pending, rejected = list(documents), 0
        waits_s = self._waits_s()
        while True:
            why = ""
            try:
                outcomes = self._raw_log.index(pending)
            except StoreUnavailable as error:
                why = str(error)
            else:
                passing = []
                for document, outcome in zip(pending, outcomes, strict=True):
                    if outcome.result is WriteResult.REJECTED:
                        rejected += 1
                        self._console.progress(f"left out: {key}: {outcome.reason}")
                    elif outcome.result is WriteResult.RETRYABLE:
                        passing.append(document)
                        why = outcome.reason
                pending = passing
            if not pending:
                return rejected
            wait_s = next(waits_s, None)
            if wait_s is None:
                raise UnfinishedError(f"the raw log did not accept {len(pending)} documents: {why}")
            self._sleep(wait_s)


def _index_of(record: BackupRecord, key: str) -> str:
    if record.index.startswith(RAW_PREFIX):
        return record.index
    try:
        at_ms: int | None = decode_point(record.data).received_at_ms
    except InvalidPoint:
        at_ms = arrived_at_ms(key)
    return raw_index_of(datetime.fromtimestamp((at_ms or 0) / 1000, UTC))
