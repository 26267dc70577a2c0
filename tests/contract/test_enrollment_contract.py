"""What both `EnrollmentStore` and its fake promise."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from rtdts.delivery_store.devices import DeviceStore, is_secret
from rtdts.delivery_store.enrollments import EnrollmentStore
from tests.fakes.fake_enrollments import FakeEnrollmentStore
from tests.support.deliveries import NOW_MS, unique

Store = EnrollmentStore | FakeEnrollmentStore
END_MS = NOW_MS + 1_000


@pytest.fixture
def of_table(request: pytest.FixtureRequest) -> tuple[Any, str]:
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    return client, request.getfixturevalue("table_names").device_credentials


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeEnrollmentStore()
    return EnrollmentStore(*request.getfixturevalue("of_table"))


def secret_for(store: Store, truck_id: str) -> str:
    return store.add(truck_id, name="", now_ms=NOW_MS, expires_at_ms=END_MS)


def take(store: Store, secret: str, truck_id: str, key_hash: str, **more: int) -> bool:
    at = {"now_ms": NOW_MS} | more
    return store.bind(secret, truck_id=truck_id, key_hash=key_hash, **at)


def test_a_secret_is_valid_only_for_its_truck_and_its_first_key(store: Store) -> None:
    truck_id = unique("T")
    secret = secret_for(store, truck_id)

    assert is_secret(secret)
    assert not take(store, secret, unique("T"), "thief")
    assert take(store, secret, truck_id, "first")
    assert take(store, secret, truck_id, "first")
    assert not take(store, secret, truck_id, "second")


def test_an_expired_or_invented_secret_is_invalid(store: Store) -> None:
    truck_id = unique("T")
    secret = secret_for(store, truck_id)

    assert not take(store, secret, truck_id, "late", now_ms=END_MS)
    assert not take(store, secret[::-1][:-1] + "z", truck_id, "made-up")
    assert take(store, secret, truck_id, "in time", now_ms=END_MS - 1)


def test_a_phones_secret_cannot_enroll_and_an_enrollment_secret_is_no_phones(
    of_table: tuple[Any, str],
) -> None:
    devices, enrollments = DeviceStore(*of_table), EnrollmentStore(*of_table)
    truck_id = unique("T")
    device, phones = devices.add(truck_id, name="", now_ms=NOW_MS)
    boxes = secret_for(enrollments, truck_id)

    assert not take(enrollments, phones, truck_id, "c")
    assert devices.find(boxes) is None
    assert devices.find(phones) == device


def test_a_trucks_secrets_are_listed_and_revoked_with_its_devices(
    of_table: tuple[Any, str],
) -> None:
    devices, enrollments = DeviceStore(*of_table), EnrollmentStore(*of_table)
    truck_id = unique("T")
    secret = secret_for(enrollments, truck_id)
    (listed,) = devices.list_devices(truck_id)

    assert devices.revoke(truck_id, listed.device_id) == [listed]
    assert not take(enrollments, secret, truck_id, "c")
    assert devices.list_devices(truck_id) == []
