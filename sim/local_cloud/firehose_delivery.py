"""Delivers a batch to the raw log and the backup; failed documents go to the backup separately.

The backup has Firehose's own format (`rtdts.telemetry_stream.backup_format`). It is written with
each batch, whereas Firehose waits for 5 minutes or 64 MB.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from rtdts.position_store.bulk import ItemOutcome, WriteResult
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.raw_log import RawDocument
from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.backup_format import FAILED_FOLDER, POINTS_FOLDER
from sim.local_cloud.firehose_buffer import Batch
from sim.local_cloud.firehose_documents import FailedDocument
from sim.local_cloud.firehose_objects import join_records, object_name

STREAM_NAME = "rtdts-raw-log"
"""The name that the delivery stream would have."""


class DeliveryStoppedError(Exception):
    """The process was stopped before the raw log had accepted the batch."""


class RawLog(Protocol):
    """The store for documents."""

    def index(self, documents: Sequence[RawDocument]) -> Sequence[ItemOutcome]:
        """Indexes all documents under generated ids; returns one outcome per document, in order.

        Raises:
            StoreUnavailable: The outcome of all documents is unknown.
        """


class Backup(Protocol):
    """The store for a copy of everything and, separately, for what the raw log never accepted."""

    def put(self, key: str, body: bytes) -> None:
        """Stores an object."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeliveryReport:
    """The outcome of a batch."""

    indexed: int
    failed: int
    attempts: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Delivery:
    """Delivers batches.

    Attributes:
        raw_log: The raw log.
        backup: The backup.
        wait: Waits some seconds; returns true when the process must end.
        monotonic_s: A monotonic clock.
        now_utc: Returns the time, for the backup's keys.
        retry_s: How long a document is retried before it goes to the backup, as in Firehose.
        waits_s: Returns the waits between attempts.
    """

    raw_log: RawLog
    backup: Backup
    wait: Callable[[float], bool]
    monotonic_s: Callable[[], float]
    now_utc: Callable[[], datetime]
    retry_s: float
    waits_s: Callable[[], Iterator[float]]

    def deliver(self, batch: Batch) -> DeliveryReport:
        """Returns when every document is in the backup, and in the raw log or recorded as failed.

        Raises:
            DeliveryStoppedError: The process must end; the batch must be delivered again later.
        """
        deadline = Deadline(self.retry_s, clock=self.monotonic_s)
        waits_s = self.waits_s()
        pending, failed = list(batch.documents), list(batch.failed)
        attempts = indexed = 0
        while pending:
            attempts += 1
            kept, refused, reason = self._attempt(pending)
            indexed += len(pending) - len(kept) - len(refused)
            failed += refused
            pending = kept
            if pending and deadline.passed:
                failed += [_failed(document, reason) for document in pending]
                break
            if pending and self.wait(next(waits_s)):
                raise DeliveryStoppedError
        self._back_up(batch)
        if failed:
            self._log_failed(failed, attempts)
        return DeliveryReport(indexed=indexed, failed=len(failed), attempts=attempts)

    def _attempt(
        self, documents: Sequence[RawDocument]
    ) -> tuple[list[RawDocument], list[FailedDocument], str]:
        try:
            outcomes = self.raw_log.index(documents)
        except StoreUnavailable as error:
            return list(documents), [], str(error)
        kept: list[RawDocument] = []
        refused: list[FailedDocument] = []
        reason = ""
        for document, outcome in zip(documents, outcomes, strict=True):
            if outcome.result is WriteResult.RETRYABLE:
                kept.append(document)
                reason = outcome.reason
            elif outcome.result is not WriteResult.WRITTEN:
                refused.append(_failed(document, outcome.reason))
        return kept, refused, reason

    def _back_up(self, batch: Batch) -> None:
        records = [document.source for document in batch.documents]
        records += [document.source for document in batch.failed]
        if records:
            self._store(POINTS_FOLDER, join_records(records))

    def _log_failed(self, failed: Sequence[FailedDocument], attempts: int) -> None:
        now_ms = int(self.now_utc().timestamp() * 1000)
        lines = [
            json.dumps(
                {
                    "attemptsMade": attempts,
                    "arrivalTimestamp": now_ms,
                    "errorCode": "400",
                    "errorMessage": document.reason,
                    "attemptEndingTimestamp": now_ms,
                    "esDocumentId": "",
                    "esIndexName": document.index,
                    "esTypeName": "",
                    "rawData": base64.b64encode(document.source).decode(),
                }
            )
            for document in failed
        ]
        self._store(FAILED_FOLDER, gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))

    def _store(self, folder: str, body: bytes) -> None:
        # By content: a batch repeated after a crash within the same second overwrites itself.
        unique = uuid.UUID(hex=hashlib.sha256(body).hexdigest()[:32])
        self.backup.put(object_name(folder, STREAM_NAME, self.now_utc(), str(unique)), body)


def _failed(document: RawDocument, reason: str) -> FailedDocument:
    return FailedDocument(index=document.index, source=document.source, reason=reason)
