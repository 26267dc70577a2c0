"""Entry point of iot_lambda: batches of the stream that the rule of AWS IoT Core writes to."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final, Protocol

from iot_lambda import bootstrap
from iot_lambda.judging import Record
from iot_lambda.settings import Settings
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import get_logger

_RESPONSE_RESERVE_S: Final = 1.0
"""What judging a batch and writing the response take, beside all that waits."""


class Context(Protocol):
    """What is used of the Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Time until the Lambda is stopped."""
        ...


def handle(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Take a batch of a shard; say from which record on it must come again.

    The form of the response is that of ``ReportBatchItemFailures`` (AWS Lambda Developer Guide,
    "Configuring partial batch response with Kinesis Data Streams and Lambda"): Lambda repeats the
    batch from the lowest sequence number that it names. What is repeated although it was done is
    recognised by its points' ids.

    Raises:
        Exception: An error of ours: the whole batch comes again.
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
        report = app.batches.take(records, take_deadline(app.settings, context))
    except Exception as error:
        get_logger(bootstrap.COMPONENT).exception("batch_failed", error)
        raise
    app.metrics.emit(report.metrics)
    failed = [] if report.again_from is None else [report.again_from]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def take_deadline(settings: Settings, context: Context) -> Deadline:
    """Until when attempts may begin: so that the last one ends inside the Lambda's time."""
    attempt_s = settings.connect_timeout_s + settings.read_timeout_s
    left_s = context.get_remaining_time_in_millis() / 1_000
    return Deadline(max(0.0, left_s - attempt_s - _RESPONSE_RESERVE_S))
