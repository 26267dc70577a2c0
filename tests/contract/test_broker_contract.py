"""What both a real broker, through aiomqtt, and its fake promise to the bridge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from mqtt_bridge.classifying import Message
from mqtt_bridge.topics import SUBSCRIPTIONS, result_topic
from tests.fakes.fake_broker import FakeBroker
from tests.support.deliveries import unique
from tests.support.mqtt_broker import BrokerProcess
from tests.support.mqtt_topics import telemetry_topic
from tests.support.waiting import until

RECEIVE_MAXIMUM = 5


class Broker(NamedTuple):
    connection: Callable[[], Any]
    """Returns a connection for a bridge that is not open yet."""
    publish: Callable[[str, bytes], Awaitable[None]]
    """Publishes as a truck, and returns when the broker has acknowledged it."""
    result: Callable[[str], Awaitable[tuple[bytes, bytes | None]]]
    """Subscribes as a truck, and returns payload and correlation of its next result."""


@pytest.fixture(params=["fake", "artemis"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "fake":
        fake = FakeBroker(receive_maximum=RECEIVE_MAXIMUM)

        async def publish_to_fake(truck_id: str, payload: bytes) -> None:
            fake.publish(telemetry_topic(truck_id), payload, correlation=b"c")

        async def result_of_fake(truck_id: str) -> tuple[bytes, bytes | None]:
            await until(lambda: bool(fake.results))
            (result,) = fake.results
            return result.payload, result.correlation

        yield Broker(fake.connection, publish_to_fake, result_of_fake)
        return
    real: BrokerProcess = request.getfixturevalue("mqtt_broker")

    async def publish(truck_id: str, payload: bytes) -> None:
        truck = real.truck(truck_id)
        async with truck.opened():
            await truck.publish(telemetry_topic(truck_id), payload, correlation=b"c")

    async def result(truck_id: str) -> tuple[bytes, bytes | None]:
        received: asyncio.Queue[tuple[bytes, bytes | None]] = asyncio.Queue()
        truck = real.truck(truck_id, on_message=lambda _, *rest: received.put_nowait(rest))
        async with truck.opened():
            await truck.subscribe(result_topic(truck_id))
            return await received.get()

    yield Broker(lambda: real.bridge(receive_maximum=RECEIVE_MAXIMUM), publish, result)


@contextlib.asynccontextmanager
async def bridge(broker: Broker, truck_id: str) -> AsyncIterator[tuple[Any, list[Message]]]:
    """Opens a connection, and collects a truck's messages; acknowledges all others at once."""
    arrived: list[Message] = []
    connection = broker.connection()

    def take(message: Message) -> None:
        if message.topic == telemetry_topic(truck_id):
            arrived.append(message)
        else:  # an acknowledgement may be lost with its connection
            connection.acknowledge(message.packet_id)

    async with connection.opened(SUBSCRIPTIONS, take):
        yield connection, arrived


async def test_messages_sent_before_the_first_bridge_are_delivered_unchanged(
    broker: Broker,
) -> None:
    truck_id = f"{unique('T')}.5"
    await broker.publish(truck_id, b"\x00point")

    async with bridge(broker, truck_id) as (connection, arrived):
        await until(lambda: bool(arrived))
        connection.acknowledge(arrived[0].packet_id)

    assert arrived[0][:2] == (telemetry_topic(truck_id), b"\x00point")
    assert arrived[0].correlation == b"c"


async def test_an_unacknowledged_message_goes_to_another_bridge_when_its_bridge_stops(
    broker: Broker,
) -> None:
    truck_id = unique("T")
    async with bridge(broker, truck_id) as (first, first_received):
        for number in range(3):
            await broker.publish(truck_id, b"%d" % number)
        await until(lambda: len(first_received) == 3)
        first.acknowledge(first_received[1].packet_id)
        # Once this message arrives, the broker has read the acknowledgement before it.
        await broker.publish(truck_id, b"3")
        await until(lambda: len(first_received) == 4)

    async with bridge(broker, truck_id) as (second, arrived):
        await until(lambda: len(arrived) == 3)
        handed = [message.payload for message in arrived]
        for message in arrived:
            second.acknowledge(message.packet_id)
        await broker.publish(truck_id, b"next")
        await until(lambda: len(arrived) == 4)
        second.acknowledge(arrived[3].packet_id)

    async with bridge(broker, truck_id) as (third, last_received):
        await broker.publish(truck_id, b"last")
        await until(lambda: b"last" in [message.payload for message in last_received])
        for message in last_received:
            third.acknowledge(message.packet_id)

    assert handed == [b"0", b"2", b"3"]
    assert not {b"0", b"1", b"2", b"3"} & {message.payload for message in last_received}


async def test_a_bridge_has_limited_messages_in_flight_and_each_acknowledgement_frees_one(
    broker: Broker,
) -> None:
    truck_id = unique("T")
    for number in range(RECEIVE_MAXIMUM + 2):
        await broker.publish(truck_id, b"%d" % number)

    async with bridge(broker, truck_id) as (connection, arrived):
        await until(lambda: len(arrived) == RECEIVE_MAXIMUM)
        connection.acknowledge(
            arrived[3].packet_id
        )  # not the oldest: one truck must not delay another
        await until(lambda: len(arrived) == RECEIVE_MAXIMUM + 1)
        handed_over = len(arrived)
        for message in [*arrived[:3], *arrived[4:]]:
            connection.acknowledge(message.packet_id)
        await until(lambda: len(arrived) == RECEIVE_MAXIMUM + 2)
        connection.acknowledge(arrived[-1].packet_id)

    assert handed_over == RECEIVE_MAXIMUM + 1
    assert sorted(message.payload for message in arrived) == [b"%d" % n for n in range(7)]


async def test_concurrent_bridges_share_the_messages_and_get_those_of_a_stopped_one(
    broker: Broker,
) -> None:
    truck_id = unique("T")
    everything = [b"%d" % number for number in range(2 * RECEIVE_MAXIMUM)]
    async with bridge(broker, truck_id) as (first, to_first):
        async with bridge(broker, truck_id) as (_, to_second):
            for payload in everything:
                await broker.publish(truck_id, payload)
            await until(lambda: len(to_first) == len(to_second) == RECEIVE_MAXIMUM)
            shared = [message.payload for message in (*to_first, *to_second)]
        for message in to_first[:]:
            first.acknowledge(message.packet_id)
        await until(
            lambda: len(to_first) == len(everything)
        )  # including those of the second bridge
        for message in to_first[RECEIVE_MAXIMUM:]:
            first.acknowledge(message.packet_id)

    assert sorted(shared) == everything
    assert sorted(message.payload for message in to_first) == everything


async def test_a_truck_receives_its_result(broker: Broker) -> None:
    truck_id = unique("T")
    received = asyncio.ensure_future(broker.result(truck_id))
    async with bridge(broker, truck_id) as (connection, _):
        while not received.done():  # there is no signal when the truck is subscribed
            await connection.publish(result_topic(truck_id), b"{}", b"mine")
            await asyncio.wait({received}, timeout=0.1)

    assert await received == (b"{}", b"mine")
