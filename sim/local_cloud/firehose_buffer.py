"""Firehose's buffering hints: deliver when so much has come, or so long after the first. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from rtdts.position_store.raw_log import RawDocument
from sim.local_cloud.firehose_documents import FailedDocument


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """What is delivered together.

    Attributes:
        documents: For the raw log.
        failed: For the backup.
        positions: The last sequence number of each shard that is in it.
    """

    documents: Sequence[RawDocument]
    failed: Sequence[FailedDocument]
    positions: Mapping[str, str]


class Buffer:
    """Collects until either hint says that it is time."""

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
        """Takes one record's documents; records of a shard come in its order."""
        self._documents.extend(documents)
        self._failed.extend(failed)
        self._bytes += sum(len(document.source) for document in documents)
        self._bytes += sum(len(document.source) for document in failed)
        self._positions[shard_id] = sequence_number
        if self._first_at_s is None:
            self._first_at_s = now_s

    def is_due(self, now_s: float) -> bool:
        """Whether it is time to deliver."""
        if self._first_at_s is None:
            return False
        return self._bytes >= self._size_bytes or now_s - self._first_at_s >= self._interval_s

    def take(self) -> Batch:
        """Empties it."""
        batch = Batch(documents=self._documents, failed=self._failed, positions=self._positions)
        self._start()
        return batch
