"""Faults and when they strike, as data: from a test, a file, or over the control endpoint.

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
    """A typing error in a rule must not make fair weather."""


class Reject(_Data, frozen=True, kw_only=True, tag_field="kind", tag="refuse"):
    """Upstream is not asked; the answer is an error as the service itself would word it.

    Attributes:
        status: Of the answer.
        code: The service's name of the error: ``LimitExceededException``, ``GoneException``.
        message: For people.
        more: Further fields of a JSON error, ``CancellationReasons`` for one.
    """

    status: Status
    code: str
    message: str = "refused by the fault shim"
    more: dict[str, Any] = {}


class FailItems(_Data, frozen=True, kw_only=True, tag_field="kind", tag="fail_items"):
    """Some entries of a batch fail, the others are really forwarded.

    Takes `PutRecords`, `_bulk`, SQS's batches, `BatchGetItem` and `BatchWriteItem`; in the last
    two such entries come back as unprocessed, which has no code.

    Attributes:
        code: Of each failed entry; in a bulk the error's type.
        message: Of each failed entry.
        status: Of each failed item of a bulk.
        places: Which entries, counted from 0 in the request; all where it is absent.
        share: Of those entries, the probability of each.
    """

    code: str = "InternalFailure"
    message: str = "failed by the fault shim"
    status: Status = 429
    places: tuple[NotNegative, ...] | None = None
    share: Share = 1.0


class Delay(_Data, frozen=True, kw_only=True, tag_field="kind", tag="delay"):
    """Takes its time, before upstream is asked or with the answer."""

    seconds: Seconds
    when: Literal["before", "after"] = "before"


class LagIndex(_Data, frozen=True, kw_only=True, tag_field="kind", tag="lag_index"):
    """A query on a secondary index sees the table as it was so many seconds ago.

    The shim must see all writes to the table: those past it are in the index at once or never.
    """

    seconds: Seconds


class Drop(_Data, frozen=True, kw_only=True, tag_field="kind", tag="drop"):
    """The connection ends, and upstream never hears of the request.

    Attributes:
        by: Reset, as when a process dies or a path is lost; or closed in order, as by a balancer.
    """

    by: HowToEnd = "reset"


class CutResponse(_Data, frozen=True, kw_only=True, tag_field="kind", tag="cut_answer"):
    """Upstream has done what it was asked, and the connection ends before that is told.

    Attributes:
        after_bytes: Of the answer's body, sent before the connection is closed; None: it ends
            before the status line.
        by: How it ends then; see `Drop`.
    """

    after_bytes: NotNegative | None = None
    by: HowToEnd = "reset"


class ReplaceResponse(_Data, frozen=True, kw_only=True, tag_field="kind", tag="replace_answer"):
    """Upstream has done what it was asked, and the answer says something else."""

    status: Status = 200
    body: str = ""
    headers: dict[str, str] = {}


Ending = Reject | Drop | CutResponse | ReplaceResponse
"""What decides the answer: a request meets one of these at the most."""

Fault = Ending | FailItems | Delay | LagIndex


class FaultRule(_Data, frozen=True, kw_only=True):
    """A fault, which requests it may strike, and how often it does.

    The patterns are shell patterns (``*``, ``?``, ``[…]``), case-sensitive; one that is absent
    matches everything.

    Attributes:
        name: In the record of what was done; no two rules share it.
        fault: What happens.
        service: ``kinesis``, ``dynamodb``, ``sqs``, ``s3``, ``execute-api``, ``opensearch``, …
        operation: ``PutRecords``, ``TransactWriteItems``, ``PostToConnection``, ``_bulk``; or
            method and path (``POST /telemetry``) where no operation has a name.
        path: As it was sent, without the query.
        target: A table, a stream, a queue's URL, an index: one that the request names.
        ids: What an entry of the request is about: partition key, connection id, document id,
            index of a query, key or value of an item. `FailItems` fails those entries only.
        probability: Of the fault, each time that a request matches.
        from_nth: The first matching request that may be struck, counted from 1.
        times: The most requests that are struck; as many as match where it is absent.
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


class Weather(_Data, frozen=True, kw_only=True):
    """All rules, and the seed of their chances: what the control endpoint is given."""

    rules: tuple[FaultRule, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError(f"two rules share a name: {sorted(names)}")


FAIR = Weather()


def decode_weather(data: bytes) -> Weather:
    """A weather from JSON: a list of rules, or ``{"seed": 7, "rules": […]}``.

    Raises:
        msgspec.DecodeError: It isn't one; the message says where.
    """
    if data.lstrip().startswith(b"["):
        data = b'{"rules":' + data + b"}"
    return msgspec.json.decode(data, type=Weather)
