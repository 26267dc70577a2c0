"""Handles a batch of device messages: classifies each, puts its points, parks unusable messages.

A message is done when the main stream has all of its valid points and, if it has invalid ones, the
parking lot has the message. The truck received its acknowledgement long before. So no part of a
message may be dropped, and nothing in it may block the messages behind it.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from iot_lambda.classifying import ClassifiedMessage, MessageClassifier, Record
from rtdts.ingest.intake import NOTHING_PUT, IngestResult, ValidatedBody, batch_of, results_of
from rtdts.ingest.messages import (
    Fault,
)
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import Metric
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.parking import Parking
from rtdts.telemetry_stream.putter import StreamPutter

METRICS: Final = (
    Metric("PointsAccepted", "Count"),
    Metric("PointsRejected", "Count"),
    Metric("PointsAdjusted", "Count"),
    Metric("PointsFailed", "Count"),
    Metric("StreamAttempts", "Count"),
    Metric("MessagesUnusable", "Count"),
    Metric("MessagesRetried", "Count"),
    Metric("MessagesOverQuota", "Count"),
)
PARKINGS_AT_ONCE: Final = 8
LINES_PER_BATCH: Final = 10
"""Lines in the log about unusable messages: one broken truck may send a hundred per second."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchReport:
    """The result of a batch.

    Attributes:
        retry_from: The sequence number of the first message that is not done; it and all messages
            behind it must be retried. None when all are done.
        metrics: Values of `METRICS`.
    """

    retry_from: str | None
    metrics: Mapping[str, int]


class DeviceBatches:
    """Handles batches of the device stream.

    Args:
        parking: Where unusable messages are parked.
        classifier: Decides what each message is.
        set_aside: Stores what a truck sent beyond its quota, as it was in the stream. Arguments:
            the truck, the first sequence number, the records.
        trace: Logs every point of some trucks.
    """

    def __init__(
        self,
        putter: StreamPutter,
        parking: Parking,
        *,
        classifier: MessageClassifier,
        set_aside: Callable[[str, str, Sequence[bytes]], object],
        log: Logger,
        trace: PointTrace,
    ) -> None:
        self._putter = putter
        self._parking = parking
        self._classifier = classifier
        self._set_aside = set_aside
        self._log = log
        self._trace = trace

    def handle(self, records: Sequence[Record], deadline: Deadline) -> BatchReport:
        """Handles a batch, as far as the time allows.

        Args:
            records: In the order of the stream.
            deadline: After it no call of a put begins, and no parking except the first ones.
        """
        messages = self._classifier.classify(records)
        pool = ThreadPoolExecutor(PARKINGS_AT_ONCE, thread_name_prefix="parking")
        try:
            parkings = self._begin_setting_aside(records, messages, pool)
            parkings |= self._begin_parking(messages, pool, deadline)
            results, attempts, failures = self._put(messages, deadline)
            wait(parkings.values(), timeout=deadline.remaining_s)
        finally:
            # Nothing may keep running while the Lambda is frozen: tasks not begun are retried.
            pool.shutdown(wait=True, cancel_futures=True)
        self._log_unparked(parkings.values())
        undone = {place for place, parking in parkings.items() if not _is_parked(parking)}
        undone |= {place for place, result in results.items() if result.failed}
        first = min(undone, default=None)
        self._classifier.done(messages[:first])
        report = BatchReport(
            retry_from=None if first is None else records[first].sequence_number,
            metrics=_metrics(messages, results.values(), attempts)
            | {"MessagesRetried": 0 if first is None else len(records) - first},
        )
        self._trace_points(messages, results.values(), report, failures)
        return report

    def _begin_setting_aside(
        self,
        records: Sequence[Record],
        messages: Sequence[ClassifiedMessage],
        pool: ThreadPoolExecutor,
    ) -> dict[int, Future[object]]:
        """Begins to store messages over quota, as one object per truck; returns tasks by place."""
        trucks: dict[str, list[int]] = {}
        for place, message in enumerate(messages):
            if message.is_over_quota and message.truck_id is not None:
                trucks.setdefault(message.truck_id, []).append(place)
        parkings: dict[int, Future[object]] = {}
        for truck_id, places in trucks.items():
            self._log.warning("over_quota", truck_id=truck_id, messages=len(places))
            kept = [records[place].data for place in places]
            number = records[places[0]].sequence_number
            parking = pool.submit(self._set_aside, truck_id, number, kept)
            parkings |= dict.fromkeys(places, parking)
        return parkings

    def _begin_parking(
        self, messages: Sequence[ClassifiedMessage], pool: ThreadPoolExecutor, deadline: Deadline
    ) -> dict[int, Future[object]]:
        """Begins to park the unusable messages, by place; a parking that begins too late fails.

        The first few wait for no other and always begin, so each batch makes progress.
        """

        def park(number: int, message: ClassifiedMessage, reason: str, detail: str) -> object:
            if number >= PARKINGS_AT_ONCE and deadline.passed:
                raise TimeoutError("no time left in this batch")
            return self._parking.park_message(
                message.payload, truck_id=message.truck_id, reason=reason, detail=detail
            )

        parkings: dict[int, Future[object]] = {}
        for place, message in enumerate(messages):
            if (why := message.to_park) is None:
                continue
            reason, detail = why
            if len(parkings) < LINES_PER_BATCH:
                truck_id = message.truck_id
                self._log.warning("unusable", truck_id=truck_id, reason=reason, detail=detail)
            parkings[place] = pool.submit(park, len(parkings), message, reason, detail)
        return parkings

    def _log_unparked(self, parkings: Iterable[Future[object]]) -> None:
        """Logs one line, however many failed: the bucket may be unavailable."""
        errors = [
            error
            for parking in parkings
            if not parking.cancelled() and (error := parking.exception()) is not None
        ]
        if errors:
            self._log.warning("not_parked", messages=len(errors), error=repr(errors[0]))

    def _put(
        self, messages: Sequence[ClassifiedMessage], deadline: Deadline
    ) -> tuple[dict[int, IngestResult], int, Counter[str]]:
        """Puts the valid points, those of each truck together and in order.

        Returns:
            The result of each readable message, by place; the number of calls; and the number of
            trucks whose points failed, by the code of the last failure.
        """
        trucks: dict[str, list[int]] = {}
        results: dict[int, IngestResult] = {}
        bodies: dict[int, ValidatedBody] = {}
        for place, message in enumerate(messages):
            verdict = message.verdict
            if not isinstance(verdict, ValidatedBody):
                continue
            bodies[place] = verdict
            if verdict.payloads:
                trucks.setdefault(verdict.truck_id, []).append(place)
            else:
                results[place] = verdict.result(NOTHING_PUT)
        failures: Counter[str] = Counter()
        if not trucks:
            return results, 0, failures
        of_trucks = [[bodies[place] for place in places] for places in trucks.values()]
        outcomes = self._putter.put_all([batch_of(those) for those in of_trucks], deadline)
        for places, those, outcome in zip(trucks.values(), of_trucks, outcomes, strict=True):
            results |= zip(places, results_of(those, outcome), strict=True)
            if outcome.failed:
                failures[outcome.failure or "unknown"] += 1
        return results, outcomes[0].attempts, failures

    def _trace_points(
        self,
        messages: Sequence[ClassifiedMessage],
        results: Iterable[IngestResult],
        report: BatchReport,
        failures: Counter[str],
    ) -> None:
        reasons = Counter(
            message.verdict.reason for message in messages if isinstance(message.verdict, Fault)
        )
        write = self._log.info if report.retry_from is None else self._log.warning
        write(
            "batch",
            messages=len(messages),
            **{_FIELDS[name]: value for name, value in report.metrics.items() if name in _FIELDS},
            unusable=dict(reasons),
            retry_from=report.retry_from,
            failures=dict(failures),
        )
        if self._trace.is_on:
            for result in results:
                if self._trace.follows(result.truck_id):
                    for step in result.steps():
                        self._trace.log(**step)


_FIELDS: Final = {
    "PointsAccepted": "accepted",
    "PointsRejected": "rejected",
    "PointsAdjusted": "adjusted",
    "PointsFailed": "failed",
    "StreamAttempts": "attempts",
}


def _is_parked(parking: Future[object]) -> bool:
    return not parking.cancelled() and parking.exception() is None


def _metrics(
    messages: Sequence[ClassifiedMessage], results: Iterable[IngestResult], attempts: int
) -> dict[str, int]:
    counts = {metric.name: 0 for metric in METRICS}
    for result in results:
        counts["PointsAccepted"] += result.accepted
        counts["PointsRejected"] += len(result.rejected)
        counts["PointsAdjusted"] += len(result.adjusted)
        counts["PointsFailed"] += len(result.failed)
    counts["StreamAttempts"] = attempts
    counts["MessagesOverQuota"] = sum(one.is_over_quota for one in messages)
    faults = sum(isinstance(one.verdict, Fault) for one in messages)
    counts["MessagesUnusable"] = faults - counts["MessagesOverQuota"]
    return counts
