"""Converts a record as Firehose does: to documents, or to failures for its backup. Pure."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from rtdts.position_store.raw_log import RawDocument, on_one_line, raw_index_of
from sim.local_cloud.deaggregation import CorruptAggregateError, deaggregate


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamRecord:
    """One Kinesis record."""

    shard_id: str
    sequence_number: str
    partition_key: str
    data: bytes
    arrived_at: datetime
    """When the stream received it, in UTC."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailedDocument:
    """A document that never got into the raw log, and why."""

    index: str
    source: bytes
    reason: str


def documents_of(record: StreamRecord) -> tuple[list[RawDocument], list[FailedDocument]]:
    """Converts a record, an aggregated one into its user records.

    Returns:
        The documents to index by the day of arrival, and those that can't be indexed: OpenSearch
        accepts only JSON objects.
    """
    index = raw_index_of(record.arrived_at)
    try:
        payloads = [user.data for user in deaggregate(record.data, record.partition_key)]
    except CorruptAggregateError as error:
        return [], [FailedDocument(index=index, source=record.data, reason=str(error))]
    good: list[RawDocument] = []
    failed: list[FailedDocument] = []
    for payload in payloads:
        try:
            source = on_one_line(payload)
        except ValueError as error:
            failed.append(FailedDocument(index=index, source=payload, reason=str(error)))
        else:
            good.append(RawDocument(index=index, source=source))
    return good, failed
