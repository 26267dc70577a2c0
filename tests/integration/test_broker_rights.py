"""What a truck, a bridge and a stranger may do at the broker, and what nobody may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiomqtt
import jwt
import pytest

from mqtt_bridge.broker_client import BrokerConnection
from mqtt_bridge.judging import Message
from mqtt_bridge.topics import SUBSCRIPTION
from sim.local_cloud.ports import HOST
from tests.support.deliveries import unique
from tests.support.mqtt_broker import BrokerProcess, running_broker
from tests.support.waiting import until


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with running_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


def bridge(broker: BrokerProcess) -> BrokerConnection:
    return BrokerConnection(
        host=HOST,
        port=broker.port,
        tls=None,
        username="bridge",
        password=broker.token("bridge", "bridge"),
        receive_maximum=100,
        keepalive_s=15,
    )


async def is_refused(
    client: aiomqtt.Client, action: Callable[[aiomqtt.Client], Awaitable[object]]
) -> bool:
    """Whether the broker refuses: the connection, what is asked for, or by ending the connection.

    aiomqtt itself goes on waiting for an answer on a connection that has ended.
    """
    try:
        async with client:
            acting = asyncio.ensure_future(action(client))
            lost = asyncio.ensure_future(anext(client.messages))
            done, left = await asyncio.wait({acting, lost}, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for task in done:
                task.result()
    except aiomqtt.MqttError:
        return True
    return False


async def kept(broker: BrokerProcess) -> list[bytes]:
    """What the broker holds for the bridges; it holds it no more."""
    came: list[Message] = []
    marker = unique("end").encode()
    truck_id = unique("T")
    async with broker.truck(truck_id) as truck:
        await truck.publish(f"trucks/{truck_id}/telemetry", marker, qos=1)
    connection = bridge(broker)
    async with connection.opened(SUBSCRIPTION, came.append):
        await until(lambda: any(message.payload == marker for message in came))
        for message in came:
            connection.acknowledge(message.packet_id)
    return [message.payload for message in came if message.payload != marker]


@pytest.fixture
async def held(broker: BrokerProcess) -> AsyncIterator[bytes]:
    """A message that was acknowledged to its truck; it must be there afterwards, and alone."""
    truck_id, payload = unique("T"), unique("point").encode()
    async with broker.truck(truck_id) as truck:
        await truck.publish(f"trucks/{truck_id}/telemetry", payload, qos=1)
    yield payload
    assert await kept(broker) == [payload]


async def test_a_truck_publishes_on_its_own_topic(broker: BrokerProcess, held: bytes) -> None:
    assert held  # what is asserted is the fixture's


@pytest.mark.parametrize(
    "topic",
    [
        "trucks/T-other/telemetry",
        "trucks/T-mine/telemetry/result",
        "trucks/T-other/telemetry/result",
        "trucks/T-mine",
        "elsewhere",
        "$sys/mqtt/sessions",
        "activemq.management",
    ],
)
async def test_a_truck_publishes_nowhere_else(
    broker: BrokerProcess, held: bytes, topic: str
) -> None:
    assert await is_refused(
        broker.truck("T-mine"), lambda truck: truck.publish(topic, b"evil", qos=1)
    )


@pytest.mark.parametrize(
    "topic",
    [
        "trucks/T-other/telemetry/result",
        "trucks/+/telemetry/result",
        "trucks/T-mine/telemetry",
        "trucks/+/telemetry",
        "#",
        "$share/bridges/trucks/+/telemetry",
        "$share/mine/trucks/+/telemetry",
        "$share/mine/trucks/T-mine/telemetry/result",
        "trucks/+/telemetry::bridges.trucks/+/telemetry",
    ],
)
async def test_a_truck_subscribes_to_nothing_but_its_results(
    broker: BrokerProcess, held: bytes, topic: str
) -> None:
    assert await is_refused(broker.truck("T-mine"), lambda truck: truck.subscribe(topic, qos=1))


async def test_a_refused_subscription_does_not_throw_away_what_the_bridges_are_to_get(
    broker: BrokerProcess, held: bytes
) -> None:
    """Artemis deletes the queue of a subscription that it refuses: so it must not get to it."""
    for clean_start in (True, False):
        assert await is_refused(
            broker.truck("T-mine", clean_start=clean_start),
            lambda truck: truck.subscribe(
                [("trucks/T-mine/telemetry/result", 1), (SUBSCRIPTION, 1)]
            ),
        )


@pytest.mark.parametrize(
    ("user", "role", "identifier"),
    [
        ("T-mine", "truck", "T-other"),
        ("T-mine", "truck", "bridge/1"),
        ("T-mine", "truck", "T-mine2"),
        ("T-mine", "customer", "T-mine"),
        ("T/mine", "truck", "T/mine"),
        ("+", "truck", "+"),
    ],
)
async def test_none_but_a_truck_or_bridge_under_its_own_name_gets_anywhere(
    broker: BrokerProcess, held: bytes, user: str, role: str, identifier: str
) -> None:
    client = broker.client(user, broker.token(role, user), identifier=identifier)
    assert await is_refused(
        client, lambda one: one.publish(f"trucks/{user}/telemetry", b"evil", qos=1)
    )


async def test_another_truck_can_not_use_the_name_of_one_that_is_connected(
    broker: BrokerProcess, held: bytes
) -> None:
    """What was allowed is kept by user name: with another's token it must not count."""
    async with broker.truck("T-mine") as mine:
        with pytest.raises(aiomqtt.MqttError):
            async with broker.client("T-mine", broker.token("truck", "T-other")):
                pass
        with pytest.raises(aiomqtt.MqttError):
            async with broker.client(
                "T-other", broker.token("truck", "T-other"), identifier="T-mine"
            ):
                pass
        await mine.subscribe("trucks/T-mine/telemetry/result", qos=1)  # it still lives


@pytest.mark.parametrize("password", ["", "nonsense", "expired", "unsigned", "other-audience"])
async def test_what_is_no_valid_token_opens_nothing(
    broker: BrokerProcess, held: bytes, password: str
) -> None:
    claims = {"sub": "T-mine", "role": "truck", "aud": "rtdts", "exp": 4_000_000_000}
    made = {
        "expired": broker.token("truck", "T-mine", ttl_s=-1),
        "unsigned": jwt.encode(claims, None, algorithm="none"),
        "other-audience": jwt.encode(claims | {"aud": "x"}, "x" * 32, algorithm="HS256"),
    }
    with pytest.raises(aiomqtt.MqttError):
        async with broker.client("T-mine", made.get(password, password)):
            pass


async def test_a_bridge_leaves_in_the_broker_what_it_did_not_acknowledge(
    broker: BrokerProcess, held: bytes
) -> None:
    """Also with a clean start, and also when it gives its subscription up."""
    token = broker.token("bridge", "bridge")
    async with broker.client("bridge", token, identifier="bridge/1") as client:
        await client.subscribe(SUBSCRIPTION, qos=0)
        client._client.manual_ack_set(True)
    async with broker.client("bridge", token, identifier="bridge/2") as client:
        client._client.manual_ack_set(True)
        await client.subscribe(SUBSCRIPTION, qos=1)
        await client.unsubscribe(SUBSCRIPTION)


@pytest.mark.parametrize("topic", ["trucks/T-1/telemetry", "trucks/+/telemetry", "elsewhere"])
async def test_a_bridge_publishes_results_only(
    broker: BrokerProcess, held: bytes, topic: str
) -> None:
    assert await is_refused(
        broker.client("bridge", broker.token("bridge", "bridge")),
        lambda one: one.publish(topic, b"evil", qos=1),
    )


async def test_a_full_broker_acknowledges_nothing_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Back-pressure down to the trucks: what they are not acknowledged, they keep."""
    acknowledged: list[bytes] = []
    with running_broker(tmp_path_factory.mktemp("full"), max_bytes=200_000) as small:

        async def publish_many(truck: aiomqtt.Client) -> None:
            for number in range(1_000):
                payload = b"%05d" % number + b" " * 1_000
                await truck.publish("trucks/T-mine/telemetry", payload, qos=1)
                acknowledged.append(payload)

        assert await is_refused(small.truck("T-mine"), publish_many)

        came: list[Message] = []
        connection = bridge(small)
        async with connection.opened(SUBSCRIPTION, came.append):
            for payload in acknowledged:
                await until(lambda payload=payload: any(m.payload == payload for m in came))
                for message in came:
                    connection.acknowledge(message.packet_id)

    assert 0 < len(acknowledged) < 1_000
