"""What both `FleetLeaseStore` and its fake promise."""

from __future__ import annotations

import itertools

import boto3
import pytest

from rtdts.delivery_store.fleet_leases import FleetLeaseStore, Lease
from rtdts.runtime.wall_clock import now_ms
from tests.fakes.fake_fleet import FakeFleetLeases
from tests.support.deliveries import unique

Leases = FleetLeaseStore | FakeFleetLeases
NOW_MS = now_ms()
"""The present: the table might delete an expired lease before the test reads it."""
PARTS = itertools.count(1_000)


@pytest.fixture(params=["fake", "dynamodb"])
def two(request: pytest.FixtureRequest) -> tuple[Leases, Leases]:
    ann, ben = unique("ann"), unique("ben")
    if request.param == "fake":
        one = FakeFleetLeases(ann)
        return one, FakeFleetLeases(ben, one)
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    tables = request.getfixturevalue("table_names")
    return (
        FleetLeaseStore(client, tables, holder=ann),
        FleetLeaseStore(client, tables, holder=ben),
    )


@pytest.fixture
def part() -> int:
    return next(PARTS)


def test_a_part_is_leased_by_only_one_until_its_lease_ends(
    two: tuple[Leases, Leases], part: int
) -> None:
    ann, ben = two
    until_ms = NOW_MS + 10_000

    assert ann.acquire(part, now_ms=NOW_MS, until_ms=until_ms) == Lease(until_ms, is_mine=True)
    rejected = ben.acquire(part, now_ms=NOW_MS + 1, until_ms=until_ms + 1)
    assert not rejected.is_mine
    assert rejected.until_ms in (until_ms, NOW_MS + 1)  # an emulator may not return the current one
    assert not ben.acquire(part, now_ms=until_ms, until_ms=until_ms + 1).is_mine
    assert ben.acquire(part, now_ms=until_ms + 1, until_ms=until_ms + 9).is_mine
    assert not ann.acquire(part, now_ms=until_ms + 1, until_ms=until_ms + 9_000).is_mine


def test_a_lease_is_not_renewed_before_its_end(two: tuple[Leases, Leases], part: int) -> None:
    ann, _ = two
    ann.acquire(part, now_ms=NOW_MS, until_ms=NOW_MS + 10)

    assert not ann.acquire(part, now_ms=NOW_MS + 1, until_ms=NOW_MS + 99).is_mine


def test_acquiring_a_lease_again_after_a_lost_response_succeeds(
    two: tuple[Leases, Leases], part: int
) -> None:
    ann, _ = two
    ann.acquire(part, now_ms=NOW_MS, until_ms=NOW_MS + 10)

    assert ann.acquire(part, now_ms=NOW_MS, until_ms=NOW_MS + 10).is_mine


def test_a_lease_can_be_released_only_by_its_holder(two: tuple[Leases, Leases], part: int) -> None:
    ann, ben = two
    ann.acquire(part, now_ms=NOW_MS, until_ms=NOW_MS + 10_000)
    ben.release(part)
    assert not ben.acquire(part, now_ms=NOW_MS, until_ms=NOW_MS + 10_000).is_mine

    ann.release(part)
    assert ben.acquire(part, now_ms=NOW_MS, until_ms=NOW_MS + 10_000).is_mine
    ann.release(next(PARTS))
