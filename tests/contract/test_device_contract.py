"""What both `DeviceStore` and its fake promise."""

from __future__ import annotations

import boto3
import pytest

from rtdts.delivery_store.devices import DeviceStore, is_secret
from tests.fakes.fake_devices import FakeDeviceStore
from tests.support.deliveries import NOW_MS, unique

Store = DeviceStore | FakeDeviceStore


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeDeviceStore()
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    return DeviceStore(client, request.getfixturevalue("table_names").device_credentials)


def test_a_device_is_found_by_its_secret_only(store: Store) -> None:
    truck_id = unique("T")
    device, secret = store.add(truck_id, name="Kim's phone", now_ms=NOW_MS)

    assert is_secret(secret)
    assert (device.truck_id, device.name, device.added_at_ms) == (truck_id, "Kim's phone", NOW_MS)
    assert store.find(secret) == device
    assert store.find(secret[:-1] + ("0" if secret[-1] != "0" else "2")) is None
    assert store.find(device.device_id) is None


def test_a_trucks_devices_are_listed_and_revoked_together_or_alone(store: Store) -> None:
    truck_id, other_id = unique("T"), unique("T")
    first, first_secret = store.add(truck_id, name="", now_ms=NOW_MS)
    second, second_secret = store.add(truck_id, name="", now_ms=NOW_MS)
    other, other_secret = store.add(other_id, name="", now_ms=NOW_MS)
    by_id = {one.device_id: one for one in store.list_devices(truck_id)}

    assert by_id == {first.device_id: first, second.device_id: second}
    assert {first, second, other} <= set(store.list_devices())
    assert store.revoke(other_id, first.device_id) == []
    assert store.revoke(truck_id, first.device_id) == [first]
    assert (store.find(first_secret), store.find(second_secret)) == (None, second)
    assert store.revoke(truck_id) == [second]
    assert store.revoke(truck_id) == []
    assert store.find(other_secret) == other
