"""What a truck, a phone and a bridge may do at the broker, and what no client may.

Whatever a client tries, the bridges then receive every message that was acknowledged to a truck,
and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import aiomqtt
import jwt
import pytest

from mqtt_bridge.classifying import Message
from mqtt_bridge.topics import SUBSCRIPTIONS
from sim.fleet.mqtt_truck import MqttTruck, NotPublishedError, RejectedByBrokerError
from sim.local_cloud.applications import BRIDGE_ID, BRIDGE_ROLE, BRIDGE_USER
from sim.local_cloud.ports import HOST
from tests.support.deliveries import unique
from tests.support.mqtt_broker import BrokerProcess, running_broker
from tests.support.owntracks_phone import LWT, OwnTracksPhone
from tests.support.waiting import SHORT_DEADLINE_S, until

RESULTS = "trucks/T-mine/telemetry/result"
GIVES_UP_S = 3.0
"""How long aiomqtt waits when the broker rejects by closing the connection without a response."""
ENDS_WITHIN_S = 60.0
"""Enough for the will of a vanished phone, or until a repeated message is acknowledged."""
LOOKED_AT_AGAIN_S = 60.0
"""Longer than the broker caches what a client may do."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with running_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


async def publish(truck: MqttTruck, topic: str, payload: bytes = b"evil") -> None:
    async with truck.opened():
        await truck.publish(topic, payload)


async def is_rejected(truck: MqttTruck, topic: str) -> bool:
    """Returns whether the broker rejects a message on a topic."""
    try:
        await publish(truck, topic)
    except (RejectedByBrokerError, NotPublishedError):
        return True
    return False


async def taken(broker: BrokerProcess) -> list[Message]:
    """Receives and acknowledges the messages for the bridges; a lost acknowledgement keeps one.

    The will of the phone that sends the marker may be among them.
    """
    received: list[Message] = []
    marker, truck_id = unique("end").encode(), unique("T")
    await publish(broker.truck(truck_id), f"trucks/{truck_id}/telemetry", marker)
    phone = broker.phone(unique("T"))
    async with phone.opened():
        await phone.publish(marker)  # there is a queue for each
    connection = broker.bridge()
    async with connection.opened(SUBSCRIPTIONS, received.append):
        await until(lambda: [message.payload for message in received].count(marker) == 2)
        for message in received:
            connection.acknowledge(message.packet_id)
    return [message for message in received if not message.payload.startswith(b"end")]


async def kept(broker: BrokerProcess) -> list[bytes]:
    """Returns the payloads of the messages that the broker held for the bridges."""
    return [message.payload for message in await taken(broker)]


@pytest.fixture
async def held(broker: BrokerProcess) -> AsyncIterator[bytes]:
    """A message that was acknowledged to its truck: the test must not lose it, or add b"evil"."""
    truck_id, payload = unique("T"), unique("point").encode()
    await publish(broker.truck(truck_id), f"trucks/{truck_id}/telemetry", payload)
    yield payload
    found = await kept(broker)
    assert payload in found
    assert b"evil" not in found


async def test_a_truck_may_use_its_own_topics(broker: BrokerProcess, held: bytes) -> None:
    truck = broker.truck("T-mine")
    async with truck.opened():
        await truck.subscribe(RESULTS)
        await truck.publish("trucks/T-mine/telemetry", b"point")


@pytest.mark.parametrize(
    "topic",
    [
        "trucks/T-other/telemetry",
        "trucks/T-mine/telemetry/result",
        "trucks/T-mine",
        "$sys/mqtt/sessions",
        "activemq.management",
    ],
)
async def test_a_truck_may_not_publish_to_other_topics(
    broker: BrokerProcess, held: bytes, topic: str
) -> None:
    assert await is_rejected(broker.truck("T-mine"), topic)


@pytest.mark.parametrize(
    "topic",
    [
        "trucks/T-other/telemetry/result",
        "trucks/+/telemetry/result",
        "trucks/T-mine/telemetry",
        "#",
        *SUBSCRIPTIONS,  # if Artemis rejected one, it would delete the queue with its messages
        "$share/mine/trucks/+/telemetry",
        "trucks/+/telemetry::bridges.trucks/+/telemetry",
    ],
)
async def test_a_truck_may_subscribe_only_to_its_results(
    broker: BrokerProcess, held: bytes, topic: str
) -> None:
    truck = broker.truck("T-mine")
    async with truck.opened():
        with pytest.raises(RejectedByBrokerError):
            await truck.subscribe(topic)


@pytest.mark.parametrize("identifier", ["T-other", f"{BRIDGE_USER}/1", "T-mine2"])
async def test_a_truck_may_not_take_over_anothers_session(
    broker: BrokerProcess, held: bytes, identifier: str
) -> None:
    truck = broker.truck("T-mine", identifier=identifier, timeout_s=GIVES_UP_S)

    assert await is_rejected(truck, "trucks/T-mine/telemetry")


async def test_another_trucks_token_is_rejected_while_a_truck_of_that_name_is_connected(
    broker: BrokerProcess, held: bytes
) -> None:
    """The broker caches rights by user name: they must not apply to another truck's token."""
    mine = broker.truck("T-mine")
    async with mine.opened():
        await mine.publish("trucks/T-mine/telemetry", b"point")
        other = broker.truck("T-mine", token=broker.token("truck", "T-other"))

        assert await is_rejected(other, "trucks/T-mine/telemetry")
        await mine.publish("trucks/T-mine/telemetry", b"point")


@pytest.mark.parametrize("role", ["customer", "dispatcher"])
async def test_a_customer_or_dispatcher_may_not_publish(
    broker: BrokerProcess, held: bytes, role: str
) -> None:
    truck = broker.truck("T-mine", token=broker.token(role, "T-mine"))

    assert await is_rejected(truck, "trucks/T-mine/telemetry")


@pytest.mark.parametrize("kind", ["empty", "nonsense", "expired", "unsigned", "own-key"])
async def test_a_client_with_an_invalid_token_is_rejected(
    broker: BrokerProcess, held: bytes, kind: str
) -> None:
    claims = {"sub": "T-mine", "role": "truck", "aud": "rtdts", "exp": 4_000_000_000}
    token = {
        "empty": "",
        "nonsense": "a.b.c",
        "expired": broker.token("truck", "T-mine", ttl_s=-1),
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "own-key": jwt.encode(claims, "x" * 32, algorithm="HS256"),
    }[kind]

    assert await is_rejected(broker.truck("T-mine", token=token), "trucks/T-mine/telemetry")


@pytest.mark.parametrize("unsubscribes", [False, True])
async def test_a_bridge_cannot_delete_the_brokers_messages(
    broker: BrokerProcess, held: bytes, unsubscribes: bool
) -> None:
    """Neither with a clean start, nor by unsubscribing, nor by ending its session."""
    for _ in range(2):  # the second begins by cleaning what the first has left
        client = aiomqtt.Client(
            HOST,
            broker.port,
            identifier=f"{BRIDGE_USER}/1",
            username=BRIDGE_USER,
            password=broker.token(BRIDGE_ROLE, BRIDGE_ID),
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            timeout=SHORT_DEADLINE_S,
        )
        client._client.manual_ack_set(True)
        async with client:
            await client.subscribe([(one, 1) for one in SUBSCRIPTIONS])
            if unsubscribes:
                await client.unsubscribe(list(SUBSCRIPTIONS))


async def test_messages_of_ended_bridge_sessions_are_delivered_again(broker: BrokerProcess) -> None:
    truck_id = unique("T")
    seen = len(broker.log.read_bytes())
    received: list[Message] = []
    async with broker.bridge(session_expiry_s=1).opened(SUBSCRIPTIONS, received.append):
        await publish(broker.truck(truck_id), f"trucks/{truck_id}/telemetry", b"held")
        await until(lambda: b"held" in [message.payload for message in received])
    await publish(broker.truck(truck_id), f"trucks/{truck_id}/telemetry", b"waiting")

    def logged(line: bytes) -> bool:
        return line in broker.log.read_bytes()[seen:]

    # The session has expired: the broker would have deleted its queues.
    for name in SUBSCRIPTIONS:
        line = f"queue_kept {name.removeprefix('$share/').replace('/', '.', 1)}\n".encode()
        await until(partial(logged, line))

    assert {b"held", b"waiting"} <= set(await kept(broker))


@pytest.mark.parametrize("topic", ["trucks/T-1/telemetry", "elsewhere"])
async def test_a_bridge_may_publish_only_results(
    broker: BrokerProcess, held: bytes, topic: str
) -> None:
    token = broker.token(BRIDGE_ROLE, BRIDGE_ID)

    assert await is_rejected(broker.truck(BRIDGE_USER, token=token), topic)


@pytest.mark.parametrize("name", [BRIDGE_ID, BRIDGE_ROLE, BRIDGE_USER])
async def test_a_truck_with_the_name_of_a_bridge_has_no_rights_of_a_bridge(
    broker: BrokerProcess, held: bytes, name: str
) -> None:
    connection = broker.bridge()
    async with connection.opened(SUBSCRIPTIONS, lambda _: None):
        truck = broker.truck(name, token=broker.token("truck", name))
        assert await is_rejected(truck, "trucks/T-mine/telemetry/result")


async def test_a_full_broker_stops_acknowledging_and_loses_no_acknowledged_message(
    tmp_path: Path,
) -> None:
    """Back-pressure down to the trucks: they keep every message that is not acknowledged."""
    acknowledged: list[bytes] = []
    with running_broker(tmp_path, max_bytes=200_000) as small:
        truck = small.truck("T-mine")
        async with truck.opened():
            with contextlib.suppress(RejectedByBrokerError, NotPublishedError):
                for number in range(1_000):
                    payload = b"%05d" % number + b" " * 1_000
                    await truck.publish("trucks/T-mine/telemetry", payload)
                    acknowledged.append(payload)

        received: list[bytes] = []
        connection = small.bridge()

        def take(message: Message) -> None:
            received.append(message.payload)
            connection.acknowledge(message.packet_id)

        async with connection.opened(SUBSCRIPTIONS, take):
            await until(lambda: set(acknowledged) <= set(received))

    assert 0 < len(acknowledged) < 1_000


LOCATION = b'{"_type":"location","tst":1497508651,"lat":48.85833,"lon":2.29513}'


async def phone_is_rejected(phone: OwnTracksPhone, **message: str) -> bool:
    """Returns whether the broker rejects a phone or its message."""
    try:
        async with phone.opened():
            await phone.publish(b"evil", **message)
    except aiomqtt.MqttError:
        return True
    return False


@pytest.mark.parametrize("pub_retain", [False, True])
async def test_a_phone_configured_by_its_link_publishes_positions(
    broker: BrokerProcess, pub_retain: bool
) -> None:
    phone, payload = broker.phone(unique("T"), pubRetain=pub_retain), unique("position").encode()
    async with phone.opened():
        await phone.publish(payload)

    assert payload in await kept(broker)
    # Retained or not, it is delivered once; and again only while its acknowledgement is lost with
    # the connection, which is closed at once.
    async with asyncio.timeout(ENDS_WITHIN_S):
        while payload in await kept(broker):
            pass


async def test_a_phones_message_below_its_topic_is_acknowledged_but_reaches_no_bridge(
    broker: BrokerProcess, held: bytes
) -> None:
    phone = broker.phone(unique("T"))
    async with phone.opened():
        for below in ("/event", "/waypoint", "/waypoints", "/status", "/dump", "/step"):
            await phone.publish(b"evil", below=below)  # the fixture looks for it


# Not the truck of the tests above: for 10 s, a phone has the cached rights of a truck of its name.
FOREIGN_TOPICS = (
    "owntracks/T-other/phone",
    "owntracks/T-phoned",
    "owntracks/T-phoned/a/b/c",
    "trucks/T-phoned/telemetry",
    "trucks/T-other/telemetry",
    "trucks/T-phoned/telemetry/result",
)
FOREIGN_FILTERS = (
    "owntracks/+/+",
    "owntracks/T-other/phone/cmd",
    "owntracks/T-phoned/phone",
    "owntracks/+/+/event",
    "trucks/T-phoned/telemetry/result",
    "#",
    *SUBSCRIPTIONS,
)
FOREIGN_PROOFS: tuple[dict[str, str], ...] = (
    {"password": "0" * 26},
    {"password": ""},
    {"username": "T-other"},
    {"username": "bridge:local", "clientId": "bridge:local/1"},
    {"clientId": "T-other/phone"},
    {"clientId": "tphonedphone"},
)
# The phones wait some seconds for a response that never arrives: a test runs them all at once.


async def test_a_phone_may_not_publish_to_other_topics(broker: BrokerProcess, held: bytes) -> None:
    assert not await phone_is_rejected(broker.phone("T-phoned"), below="/status")

    rejected = await asyncio.gather(
        *(phone_is_rejected(broker.phone("T-phoned"), topic=topic) for topic in FOREIGN_TOPICS)
    )

    assert dict(zip(FOREIGN_TOPICS, rejected, strict=True)) == dict.fromkeys(FOREIGN_TOPICS, True)


async def test_a_phone_may_subscribe_only_to_its_commands(
    broker: BrokerProcess, held: bytes
) -> None:
    rejected = await asyncio.gather(
        *(
            phone_is_rejected(broker.phone("T-phoned", subTopic=one), below="/status")
            for one in FOREIGN_FILTERS
        )
    )

    assert dict(zip(FOREIGN_FILTERS, rejected, strict=True)) == dict.fromkeys(FOREIGN_FILTERS, True)


async def test_a_phone_with_a_wrong_password_name_or_client_id_is_rejected(
    broker: BrokerProcess, held: bytes
) -> None:
    rejected = await asyncio.gather(
        *(
            phone_is_rejected(broker.phone("T-phoned", **changed), below="/status")
            for changed in FOREIGN_PROOFS
        )
    )

    assert [one for one, is_so in zip(FOREIGN_PROOFS, rejected, strict=True) if not is_so] == []


async def test_a_phone_is_rejected_when_its_credential_is_revoked(
    broker: BrokerProcess, held: bytes
) -> None:
    """Also on its open connection, as soon as the broker checks the rights again."""
    truck_id = unique("T")
    phone = broker.phone(truck_id)

    async def publish_for_ever() -> None:
        while True:
            await phone.publish(LOCATION)
            await asyncio.sleep(0.2)

    async with phone.opened():
        await phone.publish(LOCATION)
        broker.devices.revoke(truck_id)
        with pytest.raises(aiomqtt.MqttError):
            async with asyncio.timeout(LOOKED_AT_AGAIN_S):
                await publish_for_ever()


@pytest.mark.parametrize("topic", ["owntracks/T-other/phone", "trucks/T-other/telemetry"])
async def test_the_will_of_a_vanished_phone_reaches_only_its_own_topic(
    broker: BrokerProcess, topic: str
) -> None:
    foreign, own = broker.phone("T-phoned", willTopic=topic), broker.phone("T-phoned")
    for phone in (foreign, own):
        await asyncio.to_thread(phone.vanish)

    wills: set[str] = set()
    async with asyncio.timeout(ENDS_WITHIN_S):
        while own.topic not in wills:
            wills |= {message.topic for message in await taken(broker) if message.payload == LWT}
    assert not wills & {topic, foreign.topic}
