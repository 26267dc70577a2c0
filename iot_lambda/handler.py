"""Entry point of iot_lambda: handles batches of the stream that the AWS IoT Core rule writes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final, Protocol

from iot_lambda import bootstrap
from iot_lambda.classifying import Record
from iot_lambda.settings import Settings
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import get_logger

_RESPONSE_RESERVE_S: Final = 1.0
"""The time for classifying a batch and writing the response, apart from all calls that wait."""


class Context(Protocol):
    """The part of the Lambda's context that is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Returns the time until the Lambda is stopped."""


def handle(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Handles a batch of a shard; returns the record from which on it must be retried.

    The response has the form of ``ReportBatchItemFailures`` (AWS Lambda Developer Guide,
    "Configuring partial batch response with Kinesis Data Streams and Lambda"): Lambda repeats the
    batch from the lowest sequence number in it. Messages that are repeated although they were done
    are recognised by the ids of their points.

    Raises:
        Exception: A bug: the whole batch is retried.
    """
    try:
        app = bootstrap.app()
        records = [
            Record(
                one["kinesis"]["sequenceNumber"],
                base64.b64decode(one["kinesis"]["data"], validate=True),
                round(one["kinesis"]["approximateArrivalTimestamp"] * 1_000),
            )
            for one in event["Records"]
        ]
        report = app.batches.handle(records, batch_deadline(app.settings, context))
    except Exception as error:
        get_logger(bootstrap.COMPONENT).exception("batch_failed", error)
        raise
    app.metrics.emit(report.metrics)
    failed = [] if report.retry_from is None else [report.retry_from]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def batch_deadline(settings: Settings, context: Context) -> Deadline:
    """Returns when the last attempt may begin, so that it ends within the Lambda's time."""
    attempt_s = settings.connect_timeout_s + settings.read_timeout_s
    left_s = context.get_remaining_time_in_millis() / 1_000
    return Deadline(max(0.0, left_s - attempt_s - _RESPONSE_RESERVE_S))
