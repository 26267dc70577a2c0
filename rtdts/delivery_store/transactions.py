"""Writes several items together or not at all, and interprets DynamoDB's rejections."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rtdts.delivery_store.errors import DeliveryStoreError, StoreBusy
from rtdts.runtime.aws_errors import TEMPORARY_CODES
from rtdts.runtime.backoff import backoff_s

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_WRITES_TOGETHER = 100
"""TransactWriteItems' limit of items per request."""
MAX_BYTES_TOGETHER = 4 * 1024 * 1024
"""TransactWriteItems' limit of bytes per request."""
ATTEMPTS = 6
FIRST_WAIT_S = 0.05
MAX_WAIT_S = 0.8
"""Six attempts wait 1.6 s at most: acceptable for a request, and well within a nudge's timeout."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Write:
    """One write of a transaction, and the error to raise when its condition does not hold."""

    item: TransactWriteItemTypeDef
    if_condition_failed: DeliveryStoreError | None = None
    """None for a write without a condition."""


def write_together(
    client: DynamoDBClient,
    writes: Sequence[Write],
    *,
    sleep: Callable[[float], None],
    operation: str,
) -> None:
    """Writes all or nothing, and retries while the reason for a rejection is temporary.

    All attempts carry one request token. So DynamoDB recognises a write whose response got lost
    (for ten minutes), and its repetition succeeds instead of conflicting with itself.

    Raises:
        DeliveryStoreError: The `if_condition_failed` of the first write whose condition did not
            hold.
        StoreBusy: Rejected `ATTEMPTS` times for temporary reasons.
        botocore.exceptions.ClientError: Anything else.
    """
    token = str(uuid.uuid4())
    waits_s = backoff_s(first_s=FIRST_WAIT_S, max_s=MAX_WAIT_S)
    for attempt in range(1, ATTEMPTS + 1):
        passing = _try_to_write(client, writes, token)
        if not passing:
            return
        if attempt == ATTEMPTS:
            raise StoreBusy(operation, passing)
        sleep(next(waits_s))


def _try_to_write(client: DynamoDBClient, writes: Sequence[Write], token: str) -> tuple[str, ...]:
    """Returns the temporary reasons for a rejection; none when written."""
    try:
        client.transact_write_items(
            TransactItems=[write.item for write in writes], ClientRequestToken=token
        )
    except ClientError as error:
        codes = cancellation_codes(error)
        for code, write in zip(codes, writes, strict=False):
            if code == "ConditionalCheckFailed" and write.if_condition_failed is not None:
                raise write.if_condition_failed from error
        reasons = tuple(code for code in codes if code != "None")
        if not reasons or not TEMPORARY_CODES.issuperset(reasons):
            raise
        return reasons
    return ()


def cancellation_codes(error: ClientError) -> tuple[str, ...]:
    """Returns why a transaction was cancelled: one code per write, ``"None"`` for no fault.

    Empty when the error is not the cancellation of a transaction.
    """
    if error.response.get("Error", {}).get("Code") != "TransactionCanceledException":
        return ()
    reasons = error.response.get("CancellationReasons", [])
    return tuple(str(reason.get("Code", "None")) for reason in reasons)
