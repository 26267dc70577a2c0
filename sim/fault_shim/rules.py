"""Faults and when they apply, as data: from a test, a file, or over the control endpoint.

[{"name": "hot shard", "operation": "PutRecords", "probability": 0.3, "fault":
  {"kind": "fail_items", "code": "ProvisionedThroughputExceededException", "share": 0.5}},
 {"name": "slow viewer", "operation": "PostToConnection", "ids": "abc*", "fault":
  {"kind": "delay", "seconds": 4}}]
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Status = Annotated[int, msgspec.Meta(ge=200, le=599)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
HowToEnd = Literal["reset", "close"]


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the rules: unknown fields are errors, so that a typo can't disable a fault."""


class Reject(_Data, frozen=True, kw_only=True, tag_field="kind", tag="refuse"):
    """Nothing is forwarded; the response is an error in the service's own format.

    Attributes:
        status: Status code of the response.
        code: The service's name of the error: ``LimitExceededException``, ``GoneException``.
        message: The error's text.
        more: Further fields of a JSON error, for example ``CancellationReasons``.
    """

    status: Status
    code: str
    message: str = "refused by the fault shim"
    more: dict[str, Any] = {}


class FailItems(_Data, frozen=True, kw_only=True, tag_field="kind", tag="fail_items"):
    """Some entries of a batch fail, the others are forwarded.

    Supports `PutRecords`, `_bulk`, SQS's batches, `BatchGetItem` and `BatchWriteItem`; the last
    two return failed entries as unprocessed, which has no code.

    Attributes:
        code: Error code of each failed entry; in a bulk request, the error's type.
        message: Error message of each failed entry.
        status: Status code of each failed item of a bulk request.
        places: Indexes of the entries, counted from 0 in the request; all when absent.
        share: Probability that each of those entries fails.
    """

    code: str = "InternalFailure"
    message: str = "failed by the fault shim"
    status: Status = 429
    places: tuple[NotNegative, ...] | None = None
    share: Share = 1.0


class Delay(_Data, frozen=True, kw_only=True, tag_field="kind", tag="delay"):
    """A delay before the request is forwarded or before the response is sent."""

    seconds: Seconds
    when: Literal["before", "after"] = "before"


class LagIndex(_Data, frozen=True, kw_only=True, tag_field="kind", tag="lag_index"):
    """A query on a secondary index sees the table as it was some seconds ago.

    The shim must see all writes to the table: those that bypass it appear in the index at once
    or never.
    """

    seconds: Seconds


class Drop(_Data, frozen=True, kw_only=True, tag_field="kind", tag="drop"):
    """The connection ends, and the request is never forwarded.

    Attributes:
        by: Reset, as when a process dies or a network path is lost; or closed in order, as by a
            load balancer.
    """

    by: HowToEnd = "reset"


class CutResponse(_Data, frozen=True, kw_only=True, tag_field="kind", tag="cut_response"):
    """Upstream handles the request, but the connection ends before the response is complete.

    Attributes:
        after_bytes: Bytes of the response's body sent before the connection is closed; None: it
            ends before the status line.
        by: How it ends in that case; see `Drop`.
    """

    after_bytes: NotNegative | None = None
    by: HowToEnd = "reset"


class ReplaceResponse(_Data, frozen=True, kw_only=True, tag_field="kind", tag="replace_response"):
    """Upstream handles the request, but the response is replaced."""

    status: Status = 200
    body: str = ""
    headers: dict[str, str] = {}


Ending = Reject | Drop | CutResponse | ReplaceResponse
"""The faults that determine the response: at most one of them applies to a request."""

Fault = Ending | FailItems | Delay | LagIndex


class FaultRule(_Data, frozen=True, kw_only=True):
    """A fault, the requests that it may affect, and how often it does.

    The patterns are shell patterns (``*``, ``?``, ``[…]``), case-sensitive; an absent pattern
    matches everything.

    Attributes:
        name: Its unique name, also used in the record of exchanges.
        fault: The fault to inject.
        service: ``kinesis``, ``dynamodb``, ``sqs``, ``s3``, ``execute-api``, ``opensearch``, …
        operation: ``PutRecords``, ``TransactWriteItems``, ``PostToConnection``, ``_bulk``; or
            method and path (``POST /telemetry``) where no operation has a name.
        path: The path as sent, without the query.
        target: A table, stream, queue URL or index that the request names.
        ids: An identifier in an entry of the request: partition key, connection id, document id,
            index of a query, key or value of an item. `FailItems` fails only those entries.
        probability: Probability of the fault for each matching request.
        from_nth: The first matching request that may be affected, counted from 1.
        times: Maximum number of requests that are affected; unlimited when absent.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    fault: Fault
    service: str | None = None
    operation: str | None = None
    path: str | None = None
    target: str | None = None
    ids: str | None = None
    probability: Share = 1.0
    from_nth: Positive = 1
    times: Positive | None = None


class FaultPlan(_Data, frozen=True, kw_only=True):
    """All rules and the seed of their random choices, as the control endpoint receives them."""

    rules: tuple[FaultRule, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError(f"two rules share a name: {sorted(names)}")


NO_FAULTS = FaultPlan()


def decode_fault_plan(data: bytes) -> FaultPlan:
    """Decodes a fault plan from JSON: a list of rules, or ``{"seed": 7, "rules": […]}``.

    Raises:
        msgspec.DecodeError: The data is not a fault plan; the message says where.
    """
    if data.lstrip().startswith(b"["):
        data = b'{"rules":' + data + b"}"
    return msgspec.json.decode(data, type=FaultPlan)
