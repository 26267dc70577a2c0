"""Tables and queue behind an AWS that throttles, loses responses, skips work, and lags."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.errors import StoreBusy, VersionConflict
from rtdts.delivery_store.matches import MatchStore
from rtdts.delivery_store.schema import TableNames
from rtdts.delivery_store.subscriptions import SubscriptionStore
from rtdts.delivery_store.tickets import TicketStore
from rtdts.delivery_store.transactions import ATTEMPTS
from rtdts.push_queue.fifo_queue import MessagesNotSent
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.push_queue.nudges import Nudge, TransitionNudge
from rtdts.runtime.aws_clients import UnreadableResponseError, raising_on_unreadable_responses
from rtdts.tracking.deliveries import Delivery, Status
from rtdts.tracking.delivery_buckets import delivery_bucket
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    FailItems,
    Fault,
    FaultRule,
    LagIndex,
    Reject,
    ReplaceResponse,
)
from sim.fault_shim.shim import FaultShim
from sim.local_cloud.resources import (
    CloudNames,
    CreatedResources,
    create_resources,
    local_session,
)
from tests.support.corrected_ministack import corrected_ministack
from tests.support.deliveries import (
    NOW_MS,
    event_of,
    given_to,
    moved_to,
    new_delivery,
    subscription,
    ticket_holder,
    unique,
)
from tests.support.faults import cancelled
from tests.support.ministack_process import REGION

T = TypeVar("T")
THROTTLED = Reject(status=400, code="ProvisionedThroughputExceededException")
LONG_TIMEOUT_S = 60.0
"""How long a response may take: longer than a busy machine needs."""
DELAYED_S = 10.0
"""The same if the first response never arrives: the test waits for the whole timeout."""
LAG_S = 30.0


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="module")
def created(upstream: str) -> CreatedResources:
    return create_resources(upstream, REGION, CloudNames())


class Clock:
    """A monotonic clock in seconds that only the test moves forward."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class World:
    """The stores behind the fault shim, and the same stores without it."""

    def __init__(
        self,
        upstream: str,
        created: CreatedResources,
        shim: FaultShim,
        read_timeout_s: float,
    ) -> None:
        tables: TableNames = created.names.tables
        session = raising_on_unreadable_responses(local_session(REGION))
        self.shim = shim
        self.waits_s: list[float] = []
        self.read_timeout_s = read_timeout_s
        self.dynamodb = client(session, "dynamodb", shim.url, read_timeout_s)
        self.store = DeliveryStore(self.dynamodb, tables, sleep=self.waits_s.append)
        self.matches = MatchStore(self.dynamodb, tables, sleep=self.waits_s.append)
        self.subscriptions = SubscriptionStore(self.dynamodb, tables)
        self.tickets = TicketStore(self.dynamodb, tables.socket_tickets)
        self.queue = NudgeQueue(
            client(session, "sqs", shim.url),
            created.queue_urls["nudges"],
            sleep=self.waits_s.append,
        )
        past = client(session, "dynamodb", upstream)
        self.truth = DeliveryStore(past, tables)
        self.true_matches = MatchStore(past, tables)
        self.true_subscriptions = SubscriptionStore(past, tables)
        self.true_queue = NudgeQueue(client(session, "sqs", upstream), created.queue_urls["nudges"])


def client(
    session: boto3.Session, service: Any, url: str, read_timeout_s: float = LONG_TIMEOUT_S
) -> Any:
    """A client as in production but without retries: the tests are about our handling of errors."""
    config = Config(
        connect_timeout=LONG_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
    )
    return session.client(service, endpoint_url=url, config=config)


def slow_client(world: World) -> Any:
    """A client with the SDK's own retries, as in production."""
    config = Config(connect_timeout=LONG_TIMEOUT_S, read_timeout=world.read_timeout_s)
    session = raising_on_unreadable_responses(local_session(REGION))
    return session.client("dynamodb", endpoint_url=world.shim.url, config=config)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(
    upstream: str, created: CreatedResources, clock: Clock, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    fault = getattr(request.node, "callspec", None) and request.node.callspec.params.get("fault")
    read_timeout_s = DELAYED_S if isinstance(fault, Delay) else LONG_TIMEOUT_S
    async with FaultShim(upstream, clock=clock) as shim:
        yield World(upstream, created, shim, read_timeout_s)


async def blocking(function: Callable[[], T]) -> T:
    """Runs a blocking call in a thread: the shim runs in this one."""
    return await asyncio.to_thread(function)


def a_rule(fault: Fault, operation: str, **more: Any) -> FaultRule:
    return FaultRule(name=more.pop("name", "r"), fault=fault, operation=operation, **more)


async def created_delivery(world: World, **changed: Any) -> Delivery:
    first = new_delivery(truck_id=changed.pop("truck_id", None) or unique("T"), **changed)
    await blocking(lambda: world.store.append(None, first, [event_of(first)], matches=True))
    return first


def is_written_once(world: World, *versions: Delivery) -> bool:
    last = versions[-1]
    return world.truth.get(last.delivery_id) == last and world.truth.events(last.delivery_id) == [
        event_of(version) for version in versions
    ]


PASSING = [
    cancelled("None", "TransactionConflict"),
    cancelled("ThrottlingError", "None"),
    cancelled("ProvisionedThroughputExceeded", "ThrottlingError"),
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_a_transaction_is_retried_after_a_conflict_or_throttling(
    world: World, fault: Fault
) -> None:
    first = await created_delivery(world)
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    await world.shim.set_rules(a_rule(fault, "TransactWriteItems", times=ATTEMPTS - 1))
    await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=False))

    assert len(world.waits_s) == ATTEMPTS - 1
    assert is_written_once(world, first, second)


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_a_write_that_is_rejected_on_every_attempt_raises_busy_and_writes_nothing(
    world: World, fault: Fault
) -> None:
    first = await created_delivery(world)
    second = given_to(first, unique("T"))
    await world.shim.set_rules(a_rule(fault, "TransactWriteItems"))

    with pytest.raises(StoreBusy):
        await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=True))
    assert is_written_once(world, first)
    assert world.true_matches.open_matches(second.truck_id) == ()


async def test_a_version_conflict_is_reported_even_beside_throttling(world: World) -> None:
    first = await created_delivery(world)
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    fault = cancelled("ConditionalCheckFailed", "ThrottlingError")
    await world.shim.set_rules(a_rule(fault, "TransactWriteItems"))

    with pytest.raises(VersionConflict):
        await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=False))


LOST_RESPONSES = [
    CutResponse(),
    CutResponse(by="close"),
    Delay(seconds=3600, when="after"),
    ReplaceResponse(status=500, body='{"__type":"InternalServerError","message":"?"}'),
    ReplaceResponse(status=503, body="<html>Service Unavailable</html>"),
]
"""The transaction is written, and its writer gets no confirmation."""


@pytest.mark.parametrize("fault", LOST_RESPONSES, ids=str)
async def test_the_sdks_retry_of_a_transaction_with_a_lost_response_writes_once(
    world: World, created: CreatedResources, fault: Fault
) -> None:
    first = await created_delivery(world)
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    store = DeliveryStore(slow_client(world), created.names.tables)
    await world.shim.set_rules(a_rule(fault, "TransactWriteItems", times=1))
    await blocking(lambda: store.append(first, second, [event_of(second)], matches=False))

    assert world.shim.tallies["r"].matched == 2
    assert is_written_once(world, first, second)


async def test_the_stores_own_retry_of_a_written_transaction_writes_once(world: World) -> None:
    """It is written but reported as a conflict, as by a load balancer that sent it twice."""
    first = await created_delivery(world)
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    reported = cancelled("None", "TransactionConflict")
    body = json.dumps({"__type": reported.code, "message": reported.message, **reported.more})
    fault = ReplaceResponse(status=reported.status, body=body)
    await world.shim.set_rules(a_rule(fault, "TransactWriteItems", times=2))
    await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=False))

    assert world.shim.tallies["r"].matched == 3
    assert is_written_once(world, first, second)


@pytest.mark.parametrize("fault", LOST_RESPONSES, ids=str)
async def test_without_the_sdks_retry_a_lost_response_is_an_error_and_never_a_conflict(
    world: World, fault: Fault
) -> None:
    first = await created_delivery(world)
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    await world.shim.set_rules(a_rule(fault, "TransactWriteItems", times=1))

    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever the SDK makes of it
        await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=False))
    assert not isinstance(caught.value, VersionConflict)
    assert is_written_once(world, first, second)


@pytest.mark.parametrize("by", ["reset", "close"])
async def test_a_transaction_that_never_arrived_can_be_repeated(world: World, by: Any) -> None:
    first = await created_delivery(world)
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    await world.shim.set_rules(a_rule(Drop(by=by), "TransactWriteItems", times=1))

    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever the SDK makes of it
        await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=False))
    assert is_written_once(world, first)
    await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=False))
    assert is_written_once(world, first, second)


@pytest.mark.parametrize("operation", ["GetItem", "Query"])
@pytest.mark.parametrize("fault", [THROTTLED, CutResponse(), CutResponse(after_bytes=25)], ids=str)
async def test_a_read_without_a_response_is_retried(
    world: World, created: CreatedResources, operation: str, fault: Fault
) -> None:
    first = await created_delivery(world)
    store = DeliveryStore(slow_client(world), created.names.tables)
    await world.shim.set_rules(a_rule(fault, operation, times=1))

    if operation == "GetItem":
        assert await blocking(lambda: store.get(first.delivery_id)) == first
    else:
        assert await blocking(lambda: store.events(first.delivery_id)) == [event_of(first)]
    assert len(world.shim.record.affected_by("r")) == 1


UNREADABLE = [
    CutResponse(after_bytes=1),  # truncates even the shortest response
    ReplaceResponse(status=200, body=""),
    ReplaceResponse(status=200, body="<html>"),
]


@pytest.mark.parametrize("fault", UNREADABLE, ids=str)
async def test_an_unreadable_response_is_an_error_for_every_call(
    world: World, created: CreatedResources, fault: Fault
) -> None:
    first = await created_delivery(world)
    slow = DeliveryStore(slow_client(world), created.names.tables)
    (sent,) = nudges(1)
    calls: list[Callable[[], object]] = [
        lambda: slow.get(first.delivery_id),
        lambda: world.store.get_many([first.delivery_id]),
        lambda: world.store.events(first.delivery_id),
        lambda: world.matches.open_matches(first.truck_id),
        lambda: world.subscriptions.has(delivery_topic(first.delivery_id), socket_endpoint("c")),
        lambda: world.queue.send_many([sent]),
        lambda: world.queue.receive(wait_s=0),
    ]
    await world.shim.set_rules(a_rule(fault, "*"))

    for call in calls:
        with pytest.raises(UnreadableResponseError):
            await blocking(call)


async def test_all_keys_are_read_even_if_half_are_returned_as_unprocessed_each_time(
    world: World,
) -> None:
    truck_ids = [unique("T") for _ in range(30)]
    made = [await created_delivery(world, truck_id=truck_id) for truck_id in truck_ids]
    await world.shim.set_rules(a_rule(FailItems(share=0.5), "BatchGetItem"))
    deliveries = await blocking(lambda: world.store.get_many(one.delivery_id for one in made))
    matches = await blocking(lambda: world.matches.open_matches_many(truck_ids))

    assert deliveries.by_id == {one.delivery_id: one for one in made}
    assert {truck: len(found) for truck, found in matches.items()} == dict.fromkeys(truck_ids, 1)
    assert len(world.shim.record.of("BatchGetItem")) > 2


async def test_keys_that_stay_unprocessed_raise_busy_and_do_not_count_as_absent(
    world: World,
) -> None:
    first = await created_delivery(world)
    other = await created_delivery(world)
    rule = a_rule(FailItems(), "BatchGetItem", ids=first.delivery_id)
    await world.shim.set_rules(rule)

    with pytest.raises(StoreBusy):
        await blocking(lambda: world.store.get_many([first.delivery_id, other.delivery_id]))


async def test_all_subscriptions_of_a_connection_are_removed_despite_unprocessed_deletes(
    world: World,
) -> None:
    connection_id = unique("connection")
    followed = [subscription(unique("D"), connection_id) for _ in range(8)]
    for one in followed:
        await blocking(partial(world.subscriptions.add, one))
    await world.shim.set_rules(a_rule(FailItems(share=0.5), "BatchWriteItem"))
    removed = await blocking(
        lambda: world.subscriptions.remove_endpoint(socket_endpoint(connection_id))
    )

    assert removed == 8
    assert world.true_subscriptions.count_deliveries(socket_endpoint(connection_id)) == 0
    assert world.shim.record.of("DeleteItem")


async def test_a_ticket_is_never_spent_twice_even_if_a_response_is_lost(world: World) -> None:
    ticket = await blocking(
        lambda: world.tickets.issue(ticket_holder("customer", "C-1", NOW_MS + 3_600_000), NOW_MS)
    )
    await world.shim.set_rules(a_rule(CutResponse(), "DeleteItem", times=1))

    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever the SDK makes of it
        await blocking(lambda: world.tickets.spend(ticket.ticket, NOW_MS + 1))
    assert await blocking(lambda: world.tickets.spend(ticket.ticket, NOW_MS + 2)) is None


async def test_a_lagging_index_shows_the_table_as_it_was(world: World, clock: Clock) -> None:
    delivery_id = unique("D")
    bucket = delivery_bucket(delivery_id)
    early, late = (subscription(delivery_id, unique("connection")) for _ in range(2))

    async def in_bucket() -> set[str]:
        found = await blocking(lambda: list(world.subscriptions.of_bucket(bucket)))
        return {one.endpoint for one in found if one.delivery_id == delivery_id}

    async def in_table() -> set[str]:
        found = await blocking(lambda: world.subscriptions.of_topic(delivery_topic(delivery_id)))
        return {one.endpoint for one in found}

    await blocking(lambda: world.subscriptions.add(early))
    await world.shim.set_rules(a_rule(LagIndex(seconds=LAG_S), "Query", target="*subscriptions"))
    assert await in_bucket() == {early.endpoint}, "it shows what was written before the lag"

    clock.now_s = 10.0
    await blocking(lambda: world.subscriptions.add(late))
    clock.now_s = 20.0
    await blocking(lambda: world.subscriptions.end(early))
    assert await in_table() == {late.endpoint}
    assert await in_bucket() == {early.endpoint}
    clock.now_s = 10.0 + LAG_S
    assert await in_bucket() == {early.endpoint, late.endpoint}
    clock.now_s = 20.0 + LAG_S
    assert await in_bucket() == {late.endpoint}


async def test_the_copy_of_a_table_for_a_lagging_index_is_removed_with_the_rule(
    world: World,
) -> None:
    def tables() -> list[str]:
        return [name for name in world.dynamodb.list_tables()["TableNames"] if ".lagging-" in name]

    await world.shim.set_rules(a_rule(LagIndex(seconds=LAG_S), "Query"))
    await blocking(
        lambda: world.subscriptions.count_deliveries(socket_endpoint(unique("connection")))
    )
    assert len(await blocking(tables)) == 1
    await world.shim.set_rules()
    assert await blocking(tables) == []


async def test_a_list_omits_a_delivery_that_the_lagging_index_still_has_for_the_old_truck(
    world: World, clock: Clock
) -> None:
    old_truck, new_truck = unique("T"), unique("T")
    first = await created_delivery(world, truck_id=old_truck)
    await world.shim.set_rules(a_rule(LagIndex(seconds=LAG_S), "Query", target="*deliveries"))
    second = given_to(first, new_truck)

    async def listed(truck_id: str) -> list[Delivery]:
        page = await blocking(lambda: world.store.list_page(truck_id=truck_id))
        return list(page.deliveries)

    assert await listed(old_truck) == [first]
    await blocking(lambda: world.store.append(first, second, [event_of(second)], matches=True))
    assert await listed(old_truck) == [], "the row decides: the index only lists candidates"
    assert await listed(new_truck) == []
    clock.now_s = LAG_S
    assert await listed(new_truck) == [second]


async def test_a_subscription_missed_by_a_lagging_index_is_removed_by_a_later_attempt(
    world: World, clock: Clock
) -> None:
    connection_id = unique("connection")
    one = subscription(unique("D"), connection_id)
    await world.shim.set_rules(a_rule(LagIndex(seconds=LAG_S), "Query"))
    await blocking(lambda: world.subscriptions.count_deliveries(socket_endpoint(connection_id)))
    await blocking(lambda: world.subscriptions.add(one))

    assert (
        await blocking(lambda: world.subscriptions.remove_endpoint(socket_endpoint(connection_id)))
        == 0
    )
    assert await blocking(
        lambda: world.subscriptions.of_topic(delivery_topic(one.delivery_id))
    ) == [one]
    clock.now_s = LAG_S
    assert (
        await blocking(lambda: world.subscriptions.remove_endpoint(socket_endpoint(connection_id)))
        == 1
    )
    assert (
        await blocking(lambda: world.subscriptions.of_topic(delivery_topic(one.delivery_id))) == []
    )


def nudges(count: int) -> list[Nudge]:
    return [TransitionNudge(delivery_id=unique("D"), version=n + 1) for n in range(count)]


async def received(world: World, expected: list[Nudge]) -> list[Nudge]:
    """Empties the queue, and returns those of its nudges that are expected, in any order."""
    found: list[Nudge] = []
    while batch := await blocking(lambda: world.true_queue.receive(wait_s=0)):
        for one in batch:
            found.append(one.message)
            await blocking(partial(world.true_queue.delete, [one]))
    return [one for one in found if one in expected]


async def test_every_nudge_is_sent_once_even_if_the_queue_rejects_some(world: World) -> None:
    sent = nudges(25)
    await world.shim.set_rules(a_rule(FailItems(share=0.3), "SendMessageBatch", times=5))
    await blocking(lambda: world.queue.send_many(sent))
    arrived = await received(world, sent)

    assert sorted(one.delivery_id for one in arrived) == sorted(one.delivery_id for one in sent)
    assert len(world.shim.record.of("SendMessageBatch")) > 3


async def test_nudges_that_stay_rejected_are_reported_and_the_others_are_sent(world: World) -> None:
    sent = nudges(12)
    rejected = sent[3]
    rule = a_rule(FailItems(code="InternalError"), "SendMessageBatch", ids=rejected.delivery_id)
    await world.shim.set_rules(rule)

    with pytest.raises(MessagesNotSent) as caught:
        await blocking(lambda: world.queue.send_many(sent))
    assert (caught.value.messages, caught.value.codes) == ((rejected,), ("InternalError",))
    assert len(await received(world, sent)) == 11


async def test_nudges_resent_after_a_lost_response_are_deduplicated(world: World) -> None:
    sent = nudges(3)
    await world.shim.set_rules(a_rule(CutResponse(), "SendMessageBatch", times=1))
    with pytest.raises(Exception):  # noqa: B017, PT011 - whichever the SDK makes of it
        await blocking(lambda: world.queue.send_many(sent))
    await blocking(lambda: world.queue.send_many(sent))

    assert len(await received(world, sent)) == 3


async def test_sending_to_a_throttled_queue_raises_an_error(world: World) -> None:
    await world.shim.set_rules(a_rule(Reject(status=400, code="RequestThrottled"), "SendMessage*"))

    with pytest.raises(ClientError):
        await blocking(lambda: world.queue.send(nudges(1)[0]))
