"""Puts points into the stream: accepted points are durable, and failed ones are reported.

``PutRecords`` returns 200 even if some of its records failed. Only those are put again, after a
jittered wait, until a deadline. The points that still failed are reported to the client.
"""

from __future__ import annotations

import dataclasses
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

from rtdts.runtime.aws_errors import TEMPORARY_CODES
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.aggregation import aggregate, aggregated_size
from rtdts.telemetry_stream.calls import calls_of

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

# Kinesis: "PutRecords", and "Quotas and limits". Newer accounts may have higher limits, none lower.
MAX_RECORD_BYTES = 1_048_576
"""Maximum size of a record: its data and partition key together."""
MAX_CALL_RECORDS = 500
MAX_CALL_BYTES = 5 * 1_048_576 - MAX_CALL_RECORDS * 256

FIRST_WAIT_S = 0.05
MAX_WAIT_S = 2.0

UNREADABLE_RESPONSE = "UnreadableResponse"
"""Failure of a call whose response does not report the result of each record."""

OUT_OF_TIME = "OutOfTime"
"""Failure of records that were not tried before the deadline."""


class AcceptedRecord(NamedTuple):
    """A record that Kinesis accepted, and where it is stored."""

    payloads: range
    """Indexes of its payloads among those of the put."""
    shard_id: str
    sequence_number: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PutOutcome:
    """The result of one put."""

    failed: tuple[int, ...]
    """Indexes of the payloads that are not known to be in the stream, in order. If a response was
    lost, they may be there all the same; when put again, they are recognised as duplicates."""
    attempts: int
    """Calls of PutRecords."""
    failure: str | None
    """Code of the last failure, of a call or a record; None when there was none."""
    accepted: tuple[AcceptedRecord, ...] = dataclasses.field(default=(), compare=False)
    """Where the accepted records are stored; not part of a comparison of outcomes."""

    def of(self, payloads: range) -> PutOutcome:
        """Returns the outcome of some of the payloads, with indexes relative to the first one."""
        start = payloads.start
        first, end = (bisect_left(self.failed, place) for place in (start, payloads.stop))
        return PutOutcome(
            failed=tuple(place - start for place in self.failed[first:end]),
            attempts=self.attempts,
            failure=self.failure,
            accepted=tuple(
                record._replace(
                    payloads=range(record.payloads.start - start, record.payloads.stop - start)
                )
                for record in self.accepted
            ),
        )


class Batch(NamedTuple):
    """One truck's payloads. Its id is the partition key of the records and of each user record."""

    truck_id: str
    payloads: Sequence[bytes]
    """One point per payload."""


@dataclasses.dataclass(frozen=True)
class _Record:
    batch: int
    """Index of its batch among those of the put."""
    truck_id: str
    data: bytes
    payloads: range
    """Indexes of its payloads."""


class StreamPutter:
    """Puts trucks' payloads as aggregated records, never two trucks in one.

    The client must not retry by itself (the SDK would repeat a whole call), and its timeouts must
    be well below the deadline.
    """

    def __init__(
        self,
        client: KinesisClient,
        stream_name: str,
        *,
        max_record_bytes: int = MAX_RECORD_BYTES,
        sleep: Callable[[float], None] = time.sleep,
        waits_s: Callable[[], Iterator[float]] = lambda: backoff_s(
            first_s=FIRST_WAIT_S, max_s=MAX_WAIT_S
        ),
    ) -> None:
        self._client = client
        self._stream_name = stream_name
        self._max_record_bytes = max_record_bytes
        self._sleep = sleep
        self._waits_s = waits_s

    def put(self, truck_id: str, payloads: Sequence[bytes], deadline: Deadline) -> PutOutcome:
        """Puts one truck's payloads, in as few records as their size allows (usually one).

        Args:
            truck_id: Partition key of the records and of each user record.
            payloads: One point each.
            deadline: Only the first call may begin after it. A call may outlast it by the client's
                timeouts.

        Raises:
            ValueError: A payload by itself is too large for a record.
        """
        (outcome,) = self.put_all([Batch(truck_id, payloads)], deadline)
        return outcome

    def put_all(self, batches: Sequence[Batch], deadline: Deadline) -> list[PutOutcome]:
        """Puts several trucks' payloads, in as few calls as Kinesis allows.

        Args:
            batches: One per truck, each put in as few records as their size allows.
            deadline: As in `put`.

        Returns:
            The outcome of each batch, in order. Attempts are the calls of all of them together.

        Raises:
            ValueError: A payload by itself is too large for a record.
        """
        pending = [
            _Record(
                place,
                batch.truck_id,
                aggregate(batch.truck_id, batch.payloads[part.start : part.stop]),
                part,
            )
            for place, batch in enumerate(batches)
            for part in self._parts(batch.truck_id, batch.payloads)
        ]
        waits_s = self._waits_s()
        attempts = 0
        failures: dict[int, str] = {}
        accepted: list[tuple[int, AcceptedRecord]] = []
        while pending:
            are_temporary = True
            failed: list[_Record] = []
            # The partition key counts too; MAX_CALL_BYTES leaves it room.
            for call in calls_of(
                pending,
                lambda record: len(record.data),
                max_items=MAX_CALL_RECORDS,
                max_bytes=MAX_CALL_BYTES,
            ):
                if attempts and deadline.passed:
                    failed += call
                    for record in call:
                        failures.setdefault(record.batch, OUT_OF_TIME)
                    continue
                attempts += 1
                failed_of_call, is_temporary = self._attempt(call, accepted, failures)
                failed += failed_of_call
                are_temporary = are_temporary and is_temporary
            pending = failed
            if not pending or not are_temporary:
                break
            wait_s = next(waits_s)
            if wait_s >= deadline.remaining_s:
                break
            self._sleep(wait_s)
        failed_payloads: list[list[int]] = [[] for _ in batches]
        for record in pending:
            failed_payloads[record.batch] += record.payloads
        places: list[list[AcceptedRecord]] = [[] for _ in batches]
        for batch, accepted_record in accepted:
            places[batch].append(accepted_record)
        return [
            PutOutcome(
                failed=tuple(failed_payloads[place]),
                attempts=attempts,
                failure=failures.get(place),
                accepted=tuple(places[place]),
            )
            for place in range(len(batches))
        ]

    def _parts(self, truck_id: str, payloads: Sequence[bytes]) -> Iterator[range]:
        """Cuts the payloads, in order, into parts that each fit into one record."""
        max_bytes = self._max_record_bytes - len(truck_id.encode())
        fixed_bytes = aggregated_size(truck_id, [])
        start, size = 0, fixed_bytes
        for index, payload in enumerate(payloads):
            more_bytes = aggregated_size(truck_id, [len(payload)]) - fixed_bytes
            if fixed_bytes + more_bytes > max_bytes:
                raise ValueError(f"payload {index} is too large for a record: {len(payload)} bytes")
            if size + more_bytes > max_bytes:
                yield range(start, index)
                start, size = index, fixed_bytes
            size += more_bytes
        if payloads:
            yield range(start, len(payloads))

    def _attempt(
        self,
        records: Sequence[_Record],
        accepted: list[tuple[int, AcceptedRecord]],
        failures: dict[int, str],
    ) -> tuple[list[_Record], bool]:
        """Calls PutRecords once; adds to the accepted records and, by batch, to the failures.

        Returns:
            The records that failed, and whether a retry may succeed.
        """
        entries: Any = [
            {"Data": record.data, "PartitionKey": record.truck_id} for record in records
        ]
        call_code: str | None = None
        is_temporary = True
        results: Sequence[Mapping[str, Any]] = ()
        try:
            response = self._client.put_records(StreamName=self._stream_name, Records=entries)
            results = response.get("Records", [])
        except ClientError as error:
            call_code, is_temporary = _code(error), _is_temporary(error)
        except (NotConnectedError, HTTPClientError) as error:
            call_code = type(error).__name__
        except BotoCoreError as error:  # no credentials, no region, an invalid request
            call_code, is_temporary = type(error).__name__, False
        if call_code is None and len(results) != len(records):
            # Cut off: the SDK returns an empty response when it can't parse one, even with a 200.
            call_code = UNREADABLE_RESPONSE
        if call_code is not None:
            failures.update((record.batch, call_code) for record in records)
            return list(records), is_temporary
        codes = [entry.get("ErrorCode") for entry in results]
        for record, entry, code in zip(records, results, codes, strict=True):
            if code:
                failures[record.batch] = code
            else:
                place = entry.get("ShardId", ""), entry.get("SequenceNumber", "")
                accepted.append((record.batch, AcceptedRecord(record.payloads, *place)))
        failed = [record for record, code in zip(records, codes, strict=True) if code]
        return failed, True


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", type(error).__name__))


def _is_temporary(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or _code(error) in TEMPORARY_CODES
