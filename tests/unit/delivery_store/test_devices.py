"""Phones' credentials: what is stored, and how long a process believes what it has read."""

from __future__ import annotations

import io
import json

import pytest

from rtdts.delivery_store.devices import DeviceStore, hash_of, is_secret, new_secret
from rtdts.delivery_store.known_devices import DevicesUnavailableError, KnownDevices
from rtdts.runtime.logs import Logger
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.scripted_client import ScriptedClient
from tests.support.deliveries import NOW_MS

SECRET = "0123456789abcdefghjkmnpqrs"
TEN_SECONDS_MS = 10_000


class Known:
    """A process's devices, over a store and a clock."""

    def __init__(self, max_devices: int = 10) -> None:
        self.store = FakeDeviceStore()
        self.device = self.store.put(SECRET, "T-1")
        self.now_ms = NOW_MS
        self.lines = io.StringIO()
        self.known = KnownDevices(
            self.store,
            log=Logger("test", self.lines),
            now_ms=lambda: self.now_ms,
            max_devices=max_devices,
        )


@pytest.fixture
def process() -> Known:
    return Known()


def test_secrets_have_at_least_128_bits_and_are_never_the_same() -> None:
    secrets = {new_secret() for _ in range(1_000)}

    assert len(secrets) == 1_000
    assert all(map(is_secret, secrets))
    assert len(set("".join(secrets))) == 32
    assert 32 ** len(min(secrets)) >= 2**128


def test_only_the_hash_of_a_secret_is_stored() -> None:
    client = ScriptedClient({})
    store = DeviceStore(client, "devices", make_secret=lambda: SECRET)
    device, secret = store.add("T-1", name="", now_ms=NOW_MS)
    (_, request) = client.calls[0]

    assert secret == SECRET
    assert request["Item"]["secret_hash"] == {"S": hash_of(SECRET)}
    assert SECRET not in json.dumps(request)
    assert device.device_id == hash_of(SECRET)[:16]


def test_a_secret_is_looked_up_consistently() -> None:
    client = ScriptedClient({})

    assert DeviceStore(client, "devices").find(SECRET) is None
    assert client.calls[0][1]["ConsistentRead"] is True


def test_all_pages_are_listed() -> None:
    item = {
        "secret_hash": {"S": "ab"},
        "device_id": {"S": "ab"},
        "truck_id": {"S": "T-1"},
        "name": {"S": ""},
        "added_at_ms": {"N": "1"},
    }
    client = ScriptedClient(
        {"Items": [item], "LastEvaluatedKey": {"secret_hash": {"S": "ab"}}}, {"Items": [item]}
    )

    assert len(DeviceStore(client, "devices").all_of()) == 2
    assert client.calls[1][1]["ExclusiveStartKey"] == {"secret_hash": {"S": "ab"}}


def test_a_device_is_read_once_in_ten_seconds(process: Known) -> None:
    found = [process.known.holder(SECRET) for _ in range(3)]
    process.now_ms += TEN_SECONDS_MS
    process.known.holder(SECRET)

    assert found == [process.device] * 3
    assert process.store.readings == 2


def test_a_revoked_device_is_unknown_within_ten_seconds(process: Known) -> None:
    process.known.holder(SECRET)
    process.store.revoke("T-1")
    process.now_ms += TEN_SECONDS_MS

    assert process.known.holder(SECRET) is None


@pytest.mark.parametrize(
    "text",
    ["", "short", SECRET[:-1], SECRET + "0", SECRET.upper(), SECRET[:-1] + "u", SECRET + "\n"],
)
def test_what_can_be_no_secret_costs_no_reading(process: Known, text: str) -> None:
    assert process.known.holder(text) is None
    assert process.store.readings == 0


def test_made_up_secrets_displace_no_device() -> None:
    process = Known(max_devices=2)
    process.known.holder(SECRET)
    for _ in range(10):
        process.known.holder(new_secret())
    before = process.store.readings
    process.known.holder(SECRET)

    assert process.store.readings == before


def test_more_devices_than_are_kept_displace_the_one_read_longest_ago() -> None:
    process = Known(max_devices=2)
    others = [new_secret(), new_secret()]
    for secret in others:
        process.store.put(secret, "T-2")
    for secret in (SECRET, *others):
        process.known.holder(secret)
    before = process.store.readings
    process.known.holder(others[1])
    process.known.holder(others[0])
    kept = process.store.readings
    process.known.holder(SECRET)

    assert kept == before
    assert process.store.readings == before + 1


def test_a_table_that_is_unavailable_stops_no_device_that_is_known(process: Known) -> None:
    process.known.holder(SECRET)
    process.store.is_unavailable = True
    process.now_ms += TEN_SECONDS_MS
    found = [process.known.holder(SECRET) for _ in range(3)]

    assert found == [process.device] * 3
    assert process.store.readings == 2
    assert "devices_not_read" in process.lines.getvalue()


def test_a_device_that_is_not_known_waits_for_the_table(process: Known) -> None:
    process.store.is_unavailable = True
    for _ in range(10):
        with pytest.raises(DevicesUnavailableError):
            process.known.holder(SECRET)
    process.store.is_unavailable = False

    assert process.known.holder(SECRET) == process.device
    assert len(process.lines.getvalue().splitlines()) == 1
    assert SECRET not in process.lines.getvalue()
