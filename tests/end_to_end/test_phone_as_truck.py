"""Phones on the local cloud: what an operator types, and what the two apps then send."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
import pytest

from operations.devices import OWNTRACKS_PATH, TRACCAR_CLIENT_PATH
from tests.end_to_end.test_operators_commands import ORIGIN, Cloud, unique
from tests.support.http_client import HttpResponse
from tests.support.owntracks_phone import OwnTracksPhone
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def cloud(local_cloud: Any) -> Cloud:
    return Cloud(local_cloud)


def credential(cloud: Cloud, truck_id: str) -> str:
    """Adds a device; returns its secret, as a person would read it."""
    output = cloud.operate_whole("device", "add", truck_id)
    (password,) = [line.split()[-1] for line in output.splitlines() if "Password" in line]
    return password


def owntracks(cloud: Cloud, truck_id: str, secret: str, **changed: Any) -> HttpResponse:
    credentials = base64.b64encode(f"{truck_id}:{secret}".encode()).decode()
    message = {
        "_type": "location",
        "topic": "owntracks/jane/phone",
        "tst": int(time.time()),
        "lat": ORIGIN.lat,
        "lon": ORIGIN.lon,
        "vel": 61,
    }
    return cloud.api(
        "POST",
        OWNTRACKS_PATH,
        body=message | changed,
        headers={"Authorization": f"Basic {credentials}"},
    )


def traccar_client(cloud: Cloud, secret: str) -> HttpResponse:
    coords = {"latitude": ORIGIN.lat, "longitude": ORIGIN.lon, "speed": 18.67, "heading": -1}
    location = {"timestamp": datetime.now(UTC).isoformat(), "coords": coords}
    return cloud.api("POST", TRACCAR_CLIENT_PATH, body={"location": location, "device_id": secret})


def test_phones_are_trucks_until_they_are_revoked(cloud: Cloud) -> None:
    truck_id = unique("T")
    secrets = [credential(cloud, truck_id), credential(cloud, truck_id)]

    first = owntracks(cloud, truck_id, secrets[0])
    second = traccar_client(cloud, secrets[1])
    status_only = owntracks(cloud, truck_id, secrets[0], _type="lwt")

    assert (first.status, first.json) == (200, [])
    assert (second.status, second.json) == (200, {})
    assert (status_only.status, status_only.json) == (200, [])
    eventually(lambda: cloud.of_truck(truck_id)["truck-positions-*"] == 2)
    eventually(lambda: cloud.of_truck(truck_id)["truck-latest"] == 1)  # written after the history

    revoked, reported = cloud.operate("device", "revoke", truck_id)

    assert (revoked, reported) == (0, "respected everywhere within 15 s")
    eventually(lambda: owntracks(cloud, truck_id, secrets[0]).status == 401)
    eventually(lambda: traccar_client(cloud, secrets[1]).status == 401)


async def connect_for_ever(setup: dict[str, Any]) -> None:
    while True:
        async with OwnTracksPhone(setup).opened():
            await asyncio.sleep(0.5)


async def test_owntracks_over_mqtt_is_a_truck_until_it_is_revoked(cloud: Cloud) -> None:
    truck_id = unique("T")
    mqtt_url = cloud.environment.mqtt_url
    broker = urlsplit(mqtt_url)
    output = cloud.operate_whole("device", "add", truck_id, "--mqtt-url", mqtt_url)
    typed = dict(line.strip().rsplit(" ", 1) for line in output.splitlines() if " " in line.strip())
    setup = {
        "host": broker.hostname,
        "port": broker.port,
        "username": typed["User ID"],
        "password": typed["Password"],
        "deviceId": typed["Device ID"],
        "clientId": typed["Client ID"],
        "mqttProtocolLevel": int(typed["mqttProtocolLevel"]),
        "subTopic": json.loads(typed["subTopic"]),
        "pubRetain": json.loads(typed["pubRetain"]),
    }
    position = {"_type": "location", "lat": ORIGIN.lat, "lon": ORIGIN.lon, "vel": 61}

    phone = OwnTracksPhone(setup)
    async with phone.opened():
        for age_s in (2, 1):
            at = {"tst": int(time.time()) - age_s}
            await phone.publish(json.dumps(position | at).encode())
        await phone.publish(b'{"_type":"lwt"}')
    await asyncio.to_thread(eventually, lambda: cloud.of_truck(truck_id)["truck-positions-*"] == 2)

    assert cloud.operate("device", "revoke", truck_id)[0] == 0
    with pytest.raises(aiomqtt.MqttError):
        async with asyncio.timeout(300):  # respected within 25 s
            await connect_for_ever(setup)


def test_wrong_secrets_are_rejected_and_a_phones_secret_opens_no_other_route(cloud: Cloud) -> None:
    truck_id, other = unique("T"), unique("T")
    secret = credential(cloud, truck_id)
    phone = {"Authorization": f"Basic {base64.b64encode(f'{truck_id}:{secret}'.encode()).decode()}"}

    assert owntracks(cloud, other, secret).status == 401
    assert owntracks(cloud, truck_id, "0" * 26).status == 401
    assert traccar_client(cloud, "0" * 26).status == 401
    assert cloud.api("POST", TRACCAR_CLIENT_PATH + f"?id={secret}&lat=1&lon=1").status == 400
    assert cloud.api("POST", "/telemetry", body={}, headers=phone).status == 401
    assert cloud.api("GET", f"/deliveries?truck_id={truck_id}", headers=phone).status == 401
