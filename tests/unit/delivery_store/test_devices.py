"""Phones' credentials: what is stored, and how long a process caches what it has read."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from rtdts.delivery_store.devices import Device, DeviceStore, hash_of, is_secret, new_secret
from rtdts.delivery_store.known_devices import (
    GUESSES_PER_MINUTE,
    MAX_UNKNOWN,
    DevicesUnavailableError,
    KnownDevices,
    TooManyGuessesError,
)
from rtdts.runtime.logs import Logger
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.scripted_client import ScriptedClient
from tests.support.deliveries import NOW_MS
from tests.support.guesses import guessed_secret

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

    def holder(self, secret: str, address: str = "203.0.113.7") -> Device | None:
        return self.known.holder(secret, address)


@pytest.fixture
def process() -> Known:
    return Known()


def test_secrets_have_at_least_128_bits_and_are_never_the_same() -> None:
    secrets = {new_secret() for _ in range(200)}

    assert len(secrets) == 200
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

    assert len(DeviceStore(client, "devices").list_devices()) == 2
    assert client.calls[1][1]["ExclusiveStartKey"] == {"secret_hash": {"S": "ab"}}


def test_a_device_is_read_once_in_ten_seconds(process: Known) -> None:
    found = [process.holder(SECRET) for _ in range(3)]
    process.now_ms += TEN_SECONDS_MS
    process.holder(SECRET)

    assert found == [process.device] * 3
    assert process.store.readings == 2


def test_a_revoked_device_is_unknown_within_ten_seconds(process: Known) -> None:
    process.holder(SECRET)
    process.store.revoke("T-1")
    process.now_ms += TEN_SECONDS_MS

    assert process.holder(SECRET) is None


@pytest.mark.parametrize(
    "text",
    ["", "short", SECRET[:-1], SECRET + "0", SECRET.upper(), SECRET[:-1] + "u", SECRET + "\n"],
)
def test_a_malformed_secret_is_rejected_without_a_read(process: Known, text: str) -> None:
    assert process.holder(text) is None
    assert process.store.readings == 0


def test_made_up_secrets_displace_no_cached_device() -> None:
    process = Known(max_devices=2)
    process.holder(SECRET)
    for _ in range(10):
        process.holder(guessed_secret())
    before = process.store.readings
    process.holder(SECRET)

    assert process.store.readings == before


def test_a_secret_that_no_device_has_is_read_once_in_ten_seconds(process: Known) -> None:
    """A revoked phone sends the same message again and again."""
    revoked = new_secret()
    found = [process.holder(revoked) for _ in range(1_000)]
    process.now_ms += TEN_SECONDS_MS
    later = process.holder(revoked)

    assert {*found, later} == {None}
    assert process.store.readings == 2


def test_a_device_that_was_added_after_its_first_message_is_known_ten_seconds_later(
    process: Known,
) -> None:
    early = new_secret()
    process.holder(early)
    device = process.store.put(early, "T-2")
    process.now_ms += TEN_SECONDS_MS

    assert process.holder(early) == device


def test_guesses_from_one_address_are_read_up_to_a_limit(process: Known) -> None:
    process.holder(SECRET)
    for _ in range(GUESSES_PER_MINUTE):
        assert process.holder(guessed_secret()) is None
    before = process.store.readings
    with pytest.raises(TooManyGuessesError) as rejected:
        process.holder(guessed_secret())

    assert process.store.readings == before
    assert rejected.value.wait_ms == 1_000
    process.now_ms += 1_000
    assert process.holder(guessed_secret()) is None


def test_guesses_block_neither_cached_devices_nor_other_addresses(process: Known) -> None:
    process.holder(SECRET)
    other = process.store.put(new := new_secret(), "T-2")
    for _ in range(GUESSES_PER_MINUTE):
        process.holder(guessed_secret())
    process.now_ms += 500
    cached = process.holder(SECRET)
    for _ in range(20):
        process.now_ms += TEN_SECONDS_MS
        for _ in range(GUESSES_PER_MINUTE):
            with contextlib.suppress(TooManyGuessesError):
                process.holder(guessed_secret())

    assert cached == process.holder(SECRET) == process.device
    assert process.holder(new, "203.0.113.8") == other


def test_guesses_are_limited_even_while_the_table_is_unavailable(process: Known) -> None:
    process.store.is_unavailable = True
    for _ in range(GUESSES_PER_MINUTE):
        with pytest.raises(DevicesUnavailableError):
            process.holder(guessed_secret())

    with pytest.raises(TooManyGuessesError):
        process.holder(guessed_secret())


def test_only_a_limited_number_of_unknown_secrets_is_cached(process: Known) -> None:
    first = new_secret()
    process.holder(first, "first")
    for n in range(MAX_UNKNOWN):
        process.holder(guessed_secret(), f"address-{n}")
    before = process.store.readings
    process.holder(first, "first")

    assert process.store.readings == before + 1


def test_a_full_cache_evicts_the_device_that_was_read_longest_ago() -> None:
    process = Known(max_devices=2)
    others = [new_secret(), new_secret()]
    for secret in others:
        process.store.put(secret, "T-2")
    for secret in (SECRET, *others):
        process.holder(secret)
    before = process.store.readings
    process.holder(others[1])
    process.holder(others[0])
    kept = process.store.readings
    process.holder(SECRET)

    assert kept == before
    assert process.store.readings == before + 1


def test_a_cached_device_stays_known_while_the_table_is_unavailable(process: Known) -> None:
    process.holder(SECRET)
    process.store.is_unavailable = True
    process.now_ms += TEN_SECONDS_MS
    found = [process.holder(SECRET) for _ in range(3)]

    assert found == [process.device] * 3
    assert process.store.readings == 2
    assert "devices_not_read" in process.lines.getvalue()


def test_a_device_that_is_not_cached_fails_until_the_table_is_available(process: Known) -> None:
    process.store.is_unavailable = True
    for _ in range(10):
        with pytest.raises(DevicesUnavailableError):
            process.holder(SECRET)
    process.store.is_unavailable = False

    assert process.holder(SECRET) == process.device
    assert len(process.lines.getvalue().splitlines()) == 1
    assert SECRET not in process.lines.getvalue()
