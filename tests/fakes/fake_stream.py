"""A Kinesis stream and a bucket in memory, with the failures of the real ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from sim.local_cloud.deaggregation import UserRecord, deaggregate
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import AnyClient

THROTTLED = "ProvisionedThroughputExceededException"


class StoredRecord(NamedTuple):
    partition_key: str
    data: bytes
    sequence_number: str


class FailSome(NamedTuple):
    """A call returns 200, but the records at these indexes failed."""

    places: Iterable[int]
    code: str = THROTTLED


class LoseResponse(NamedTuple):
    """A call accepts everything, but the SDK can read only a part of its response."""

    left: Mapping[str, Any]


Trouble = Exception | FailSome | LoseResponse | None


class FakeStream(AnyClient):
    """A client of Kinesis: accepts records within the limits, unless its script says otherwise.

    Attributes:
        records: The records that were accepted, in order.
        calls: The entries of each call.
    """

    def __init__(self, troubles: Sequence[Trouble] = (), *, then: Trouble = None) -> None:
        """Takes one failure per call, in order; ``then`` is the failure of all later calls."""
        self.records: list[StoredRecord] = []
        self.calls: list[list[Mapping[str, Any]]] = []
        self._troubles = itertools.chain(troubles, itertools.repeat(then))
        self._sequence = itertools.count(1)

    def put_records(self, **request: Any) -> Mapping[str, Any]:
        entries = list(request["Records"])
        self.calls.append(entries)
        if code := breach("put_records", request):
            raise rejected(code)
        trouble = next(self._troubles)
        if isinstance(trouble, Exception):
            raise trouble
        failing = set(trouble.places) if isinstance(trouble, FailSome) else set()
        responses: list[dict[str, str]] = []
        for place, entry in enumerate(entries):
            if isinstance(trouble, FailSome) and place in failing:
                responses.append({"ErrorCode": trouble.code, "ErrorMessage": "rate exceeded"})
                continue
            number = f"{next(self._sequence):056d}"
            self.records.append(StoredRecord(entry["PartitionKey"], bytes(entry["Data"]), number))
            responses.append({"SequenceNumber": number, "ShardId": "shardId-000000000000"})
        if isinstance(trouble, LoseResponse):
            return trouble.left
        return {"FailedRecordCount": len(failing), "Records": responses}

    @property
    def user_records(self) -> list[UserRecord]:
        """The user records that the KCL would deliver."""
        return [
            each
            for record in self.records
            for each in deaggregate(record.data, record.partition_key)
        ]


class ParkedObject(NamedTuple):
    body: bytes
    metadata: Mapping[str, str]


class FakeBucket(AnyClient):
    """A client of S3: objects by their key."""

    def __init__(self) -> None:
        self.objects: dict[str, ParkedObject] = {}

    def put_object(self, **request: Any) -> Mapping[str, Any]:
        self.objects[request["Key"]] = ParkedObject(request["Body"], request["Metadata"])
        return {}


def rejected(code: str, status: int = 400) -> ClientError:
    """Returns the error that the SDK raises for an error response."""
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "PutRecords")
