"""The limits that the fakes enforce are those of the emulators and of the SDK's own model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from rtdts.delivery_store.devices import DeviceStore
from rtdts.delivery_store.enrollments import EnrollmentStore
from rtdts.delivery_store.fleet_leases import FleetLeaseStore
from rtdts.delivery_store.matches import prepare_truck, put_match_write, remove_match_write
from rtdts.delivery_store.schema import TableNames
from rtdts.delivery_store.socket_limits import Rate, SocketLimitStore
from rtdts.delivery_store.transactions import cancellation_codes
from rtdts.push_queue.nudges import TransitionNudge
from sim.local_cloud.resources import CreatedResources
from tests.fakes import aws_limits as limits
from tests.fakes import fake_fifo
from tests.fakes.fake_delivery_tables import TABLES, FakeDeliveryTables
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.fake_enrollments import FakeEnrollmentStore
from tests.fakes.fake_failed_messages import FakeFailedMessages
from tests.fakes.fake_fleet import FakeFleetLeases
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_socket_limits import FakeSocketLimitStore
from tests.fakes.scripted_client import ScriptedClient
from tests.support.aws_limit_cases import CASES, Case
from tests.support.deliveries import NOW_MS, new_delivery, unique

FAKED = [pytest.param("fake", case, id=f"fake-{case.name}") for case in CASES]
EMULATED = [pytest.param("emulator", case, id=f"emulator-{case.name}") for case in CASES]


@pytest.fixture(scope="module")
def created(
    aws_resources: CreatedResources, aws_session: boto3.Session, aws_endpoint: str
) -> CreatedResources:
    """The local cloud's resources, and a queue for these tests only."""
    sqs = aws_session.client("sqs", endpoint_url=aws_endpoint)
    url = sqs.create_queue(QueueName="limits.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    return dataclasses.replace(
        aws_resources, queue_urls={**aws_resources.queue_urls, "limits": url}
    )


@pytest.fixture
def client_of(request: pytest.FixtureRequest) -> Callable[[str, Case], Any]:
    """Returns the SDK's client for a case, or the fake of all clients."""

    def client_of(kind: str, case: Case) -> Any:
        if kind == "fake":
            return ScriptedClient({})
        session: boto3.Session = request.getfixturevalue("aws_session")
        name: Any = case.service
        return session.client(name, endpoint_url=request.getfixturevalue("aws_endpoint"))

    return client_of


@pytest.mark.parametrize(("kind", "case"), FAKED + EMULATED)
def test_a_request_at_a_limit_is_accepted(
    kind: str,
    case: Case,
    client_of: Callable[[str, Case], Any],
    created: CreatedResources,
) -> None:
    call = getattr(client_of(kind, case), case.operation)

    call(**case.request(case.limit - case.within, created))


@pytest.mark.parametrize(
    ("kind", "case"),
    [*FAKED, *(one for one, case in zip(EMULATED, CASES, strict=True) if case.is_emulated)],
)
def test_a_request_beyond_a_limit_is_rejected(
    kind: str,
    case: Case,
    client_of: Callable[[str, Case], Any],
    created: CreatedResources,
) -> None:
    call = getattr(client_of(kind, case), case.operation)

    with pytest.raises((ClientError, ParamValidationError)):
        call(**case.request(case.limit + case.beyond, created))


Kept = Callable[[str, pytest.FixtureRequest], Any]
"""Creates a store or queue: the fake, or ours with the emulator."""


def _over(store: type, fake: type, table: str) -> Kept:
    def make(kind: str, request: pytest.FixtureRequest) -> Any:
        if kind == "fake":
            return fake()
        return store(_client("dynamodb", request), getattr(_tables(request), table))

    return make


def _leases(kind: str, request: pytest.FixtureRequest) -> Any:
    holder = "h" * limits.DYNAMODB_ITEM_BYTES
    if kind == "fake":
        return FakeFleetLeases(holder)
    return FleetLeaseStore(_client("dynamodb", request), _tables(request), holder=holder)


def _client(service: Any, request: pytest.FixtureRequest) -> Any:
    session: boto3.Session = request.getfixturevalue("aws_session")
    return session.client(service, endpoint_url=request.getfixturevalue("aws_endpoint"))


def _tables(request: pytest.FixtureRequest) -> TableNames:
    created: CreatedResources = request.getfixturevalue("created")
    return created.names.tables


DEVICES = _over(DeviceStore, FakeDeviceStore, "device_credentials")
ENROLLMENTS = _over(EnrollmentStore, FakeEnrollmentStore, "device_credentials")
SOCKET_LIMITS = _over(SocketLimitStore, FakeSocketLimitStore, "socket_limits")
LONG = "x" * limits.DYNAMODB_ITEM_BYTES
LATE_MS = 10**limits.DYNAMODB_NUMBER_DIGITS + 1
RATE = Rate(per_minute=60, burst=5)


def _bind(enrollments: Any) -> None:
    added = {"name": "", "now_ms": NOW_MS, "expires_at_ms": NOW_MS + 1}
    secret = enrollments.add("T-1", **added)
    enrollments.bind(secret, truck_id="T-1", key_hash=LONG, now_ms=NOW_MS)


def _replace_socket(sockets: Any) -> None:
    key = unique("key")
    assert sockets.add_socket(key, "c-0=", max_sockets=3, now_ms=NOW_MS) is None
    sockets.replace_socket(key, "c-0=", "c-1=", now_ms=LATE_MS)


@pytest.mark.parametrize("kind", ["fake", "emulator"])
@pytest.mark.parametrize(
    ("make", "write"),
    [
        pytest.param(DEVICES, lambda one: one.add("T-1", name=LONG, now_ms=NOW_MS), id="device"),
        pytest.param(
            ENROLLMENTS,
            lambda one: one.add("T-1", name=LONG, now_ms=NOW_MS, expires_at_ms=NOW_MS + 1),
            id="enrollment",
        ),
        pytest.param(ENROLLMENTS, _bind, id="enrollment-bound"),
        pytest.param(
            _leases, lambda one: one.acquire(0, now_ms=NOW_MS, until_ms=NOW_MS + 1), id="lease"
        ),
        pytest.param(
            SOCKET_LIMITS, lambda one: one.try_acquire(unique("key"), RATE, LATE_MS), id="rate"
        ),
        pytest.param(
            SOCKET_LIMITS,
            lambda one: one.add_socket(unique("key"), "c-0=", max_sockets=3, now_ms=LATE_MS),
            id="socket",
        ),
        pytest.param(SOCKET_LIMITS, _replace_socket, id="socket-replaced"),
    ],
)
def test_each_store_and_its_fake_reject_values_beyond_the_tables_limits(
    kind: str, make: Kept, write: Callable[[Any], object], request: pytest.FixtureRequest
) -> None:
    store = make(kind, request)

    with pytest.raises(ClientError) as rejected:
        write(store)

    assert rejected.value.response["Error"]["Code"] == "ValidationException"


def test_the_fake_queue_of_failed_messages_rejects_a_message_that_is_too_large() -> None:
    """Tested on the fake only: our code never sends to this queue."""
    with pytest.raises(ClientError):
        FakeFailedMessages().send("x" * (limits.SQS_MESSAGE_BYTES + 1), sent_at_ms=NOW_MS)


@pytest.mark.parametrize("kind", ["fake", "emulator"])
def test_a_match_that_would_make_its_trucks_item_too_large_is_rejected(
    kind: str, request: pytest.FixtureRequest
) -> None:
    client: Any = FakeDeliveryTables() if kind == "fake" else _client("dynamodb", request)
    table = (TABLES if kind == "fake" else _tables(request)).truck_matches
    truck_id = unique("T")
    prepare_truck(client, table, truck_id)

    def put(name: str) -> None:
        # An id is in a match's key and twice in the match.
        row = new_delivery(delivery_id=name * 60_000, truck_id=truck_id)
        write = put_match_write(table, row, reordered_at_ms=None, limit=500)
        client.transact_write_items(TransactItems=[write.item])

    for name in "abc":
        put(name)
    with pytest.raises(ClientError) as rejected:
        put("d")

    assert cancellation_codes(rejected.value) == ("ValidationError",)
    client.transact_write_items(
        TransactItems=[remove_match_write(table, truck_id, "a" * 60_000, at_ms=NOW_MS).item]
    )
    put("d")


@pytest.mark.parametrize(
    ("service", "operation", "path", "limit"),
    [
        (
            "dynamodb",
            "TransactWriteItems",
            "TransactItems",
            limits.DYNAMODB_TRANSACTION_ACTIONS,
        ),
        ("kinesis", "PutRecords", "Records", limits.KINESIS_CALL_RECORDS),
        (
            "kinesis",
            "PutRecords",
            "Records.member.PartitionKey",
            limits.KINESIS_KEY_CHARACTERS,
        ),
        ("apigatewaymanagementapi", "PostToConnection", "Data", limits.SOCKET_MESSAGE_BYTES),
    ],
)
def test_the_sdks_own_model_has_the_same_limit(
    service: Any, operation: str, path: str, limit: int
) -> None:
    model = boto3.client(service, region_name="eu-central-1").meta.service_model
    shape: Any = model.operation_model(operation).input_shape
    for name in path.split("."):
        shape = shape.member if name == "member" else shape.members[name]

    assert shape.metadata["max"] == limit


def test_a_free_group_beyond_the_look_ahead_of_the_queue_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tested on the fake only: no emulator has this limit."""
    monkeypatch.setattr(fake_fifo, "SQS_FIFO_LOOK_AHEAD", 3)
    queue = FakeNudgeQueue()
    queue.send_many(TransitionNudge(delivery_id="D-1", version=n) for n in range(1, 4))
    (first, *others) = queue.receive(max_messages=1)
    queue.send(TransitionNudge(delivery_id="D-2", version=1))

    assert others == []
    assert queue.receive() == []
    queue.delete([first])
    assert {one.message.delivery_id for one in queue.receive()} == {"D-1", "D-2"}
