"""Brings a batch into the raw log, and what can't get there into the backup."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from opensearchpy import OpenSearch

from rtdts.position_store.bulk import Action, Fate, ItemOutcome, head, send_bulk
from rtdts.position_store.errors import StoreUnavailable
from rtdts.runtime.deadline import Deadline
from sim.local_cloud.firehose_buffer import Batch
from sim.local_cloud.firehose_documents import FailedDocument, RawDocument

BACKUP_PREFIX = "firehose-failed/"


class DeliveryStoppedError(Exception):
    """The process was told to end before the raw log had taken the batch."""


class RawLog(Protocol):
    """Where documents go."""

    def index(self, documents: Sequence[RawDocument]) -> Sequence[ItemOutcome]:
        """Indexes all under ids of their own; an outcome a document, in order.

        Raises:
            StoreUnavailable: Nothing is known of any of them.
        """


class Backup(Protocol):
    """Where documents go that the raw log never took."""

    def put(self, key: str, body: bytes) -> None:
        """Keeps an object."""


class OpenSearchRawLog:
    """The raw log in OpenSearch, which makes up the ids: as Firehose has it, at least once."""

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def index(self, documents: Sequence[RawDocument]) -> Sequence[ItemOutcome]:
        """Indexes all in bulk."""
        actions = [
            Action(head=head("index", _index=document.index), document=document.source)
            for document in documents
        ]
        return send_bulk(self._client, actions)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeliveryReport:
    """What became of a batch."""

    indexed: int
    backed_up: int
    attempts: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Delivery:
    """Delivers batches.

    Attributes:
        raw_log: Where to.
        backup: Where else.
        wait: Waits some seconds; true when the process is to end.
        monotonic_s: A clock.
        now_utc: The time, for the backup's keys.
        retry_s: How long a document is tried before the backup gets it, as in Firehose.
        waits_s: Makes the waits between attempts.
    """

    raw_log: RawLog
    backup: Backup
    wait: Callable[[float], bool]
    monotonic_s: Callable[[], float]
    now_utc: Callable[[], datetime]
    retry_s: float
    waits_s: Callable[[], Iterator[float]]

    def deliver(self, batch: Batch) -> DeliveryReport:
        """Returns when every document is in the raw log or in the backup.

        Raises:
            DeliveryStoppedError: The process is to end; deliver the batch again another time.
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
        if failed:
            self._back_up(failed)
        return DeliveryReport(indexed=indexed, backed_up=len(failed), attempts=attempts)

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
            if outcome.fate is Fate.RETRYABLE:
                kept.append(document)
                reason = outcome.reason
            elif outcome.fate is not Fate.WRITTEN:
                refused.append(_failed(document, outcome.reason))
        return kept, refused, reason

    def _back_up(self, failed: Sequence[FailedDocument]) -> None:
        lines = [
            json.dumps(
                {
                    "index": document.index,
                    "reason": document.reason,
                    "rawData": base64.b64encode(document.source).decode(),
                }
            )
            for document in failed
        ]
        body = ("\n".join(lines) + "\n").encode()
        # By content: the same batch again, after a crash, overwrites itself.
        digest = hashlib.sha256(body).hexdigest()[:32]
        self.backup.put(f"{BACKUP_PREFIX}{self.now_utc():%Y/%m/%d/%H}/{digest}.jsonl", body)


def _failed(document: RawDocument, reason: str) -> FailedDocument:
    return FailedDocument(index=document.index, source=document.source, reason=reason)
