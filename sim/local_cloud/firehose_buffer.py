"""Firehose's buffering hints: deliver after a number of bytes or an interval. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from rtdts.position_store.raw_log import RawDocument
from sim.local_cloud.firehose_documents import FailedDocument


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Documents that are delivered together.

    Attributes:
        documents: Documents for the raw log.
        failed: Documents for the backup only.
        positions: For each shard, the last sequence number in the batch.
    """

    documents: Sequence[RawDocument]
    failed: Sequence[FailedDocument]
    positions: Mapping[str, str]


class Buffer:
    """Collects documents until one of the hints is reached."""

    def __init__(self, *, interval_s: float, size_bytes: int) -> None:
        self._interval_s = interval_s
        self._size_bytes = size_bytes
        self._start()

    def _start(self) -> None:
        self._documents: list[RawDocument] = []
        self._failed: list[FailedDocument] = []
        self._positions: dict[str, str] = {}
        self._bytes = 0
        self._first_at_s: float | None = None

    def add(
        self,
        documents: Sequence[RawDocument],
        failed: Sequence[FailedDocument],
        *,
        shard_id: str,
        sequence_number: str,
        now_s: float,
    ) -> None:
        """Adds one record's documents; the records of a shard must come in order."""
        self._documents.extend(documents)
        self._failed.extend(failed)
        self._bytes += sum(len(document.source) for document in documents)
        self._bytes += sum(len(document.source) for document in failed)
        self._positions[shard_id] = sequence_number
        if self._first_at_s is None:
            self._first_at_s = now_s

    def is_due(self, now_s: float) -> bool:
        """Whether the batch is due for delivery."""
        if self._first_at_s is None:
            return False
        return self._bytes >= self._size_bytes or now_s - self._first_at_s >= self._interval_s

    def drain(self) -> Batch:
        """Returns the batch and empties the buffer."""
        batch = Batch(documents=self._documents, failed=self._failed, positions=self._positions)
        self._start()
        return batch
