"""Leases of the fleet's parts: each is served by one broadcaster, for a limited time."""

from __future__ import annotations

import pytest

from broadcaster.fleet_parts import LEASE_S, PARTS, LeasedParts
from rtdts.tracking.fleet_view import part_of
from tests.fakes.fake_fleet import FakeFleetLeases
from tests.support.broadcaster_world import World

QUERY_KEYS = [b"query %d" % number for number in range(200)]


def parts(world: World, leases: FakeFleetLeases, length: float = 1.0) -> LeasedParts:
    return LeasedParts(
        leases,
        world.of_fleet.tables,
        log=world.log,
        now_ms=world.clock.now_ms,
        uniform=lambda low, high: low + (high - low) * length,
    )


async def test_no_query_is_served_by_two_broadcasters(world: World) -> None:
    one = FakeFleetLeases("one")
    two = FakeFleetLeases("two", one)
    first, second = parts(world, one), parts(world, two)
    for _ in range(3 * round(LEASE_S)):
        served = [await first.acquire(QUERY_KEYS), await second.acquire(QUERY_KEYS)]

        assert not served[0] & served[1]
        world.clock.advance(1)


async def test_both_broadcasters_get_parts_without_a_coordinator(world: World) -> None:
    one = FakeFleetLeases("one")
    two = FakeFleetLeases("two", one)
    first, second = parts(world, one, 0.0), parts(world, two, 1.0)
    seen = set()
    for second_no in range(60):
        order = (first, second) if second_no % 2 else (second, first)
        for part in order:
            if await part.acquire(QUERY_KEYS):
                seen.add(part)
        world.clock.advance(1)

    assert seen == {first, second}


async def test_a_part_of_a_dead_holder_is_free_when_its_lease_ends(world: World) -> None:
    dead = FakeFleetLeases("dead")
    await parts(world, dead).acquire(QUERY_KEYS)
    heir = parts(world, FakeFleetLeases("heir", dead))

    assert await heir.acquire(QUERY_KEYS) == frozenset()
    world.clock.advance(LEASE_S)
    await heir.acquire(QUERY_KEYS)
    world.clock.advance(1)
    assert await heir.acquire(QUERY_KEYS) == frozenset(QUERY_KEYS)


async def test_a_released_part_is_leased_by_another_at_once(world: World) -> None:
    leases = FakeFleetLeases("leaving")
    leaving = parts(world, leases)
    await leaving.acquire(QUERY_KEYS)
    await leaving.release()

    heir = parts(world, FakeFleetLeases("heir", leases))
    assert await heir.acquire(QUERY_KEYS) == frozenset(QUERY_KEYS)


async def test_a_part_leased_by_another_is_not_tried_each_second(world: World) -> None:
    one = FakeFleetLeases("one")
    await parts(world, one).acquire(QUERY_KEYS)
    two = FakeFleetLeases("two", one)
    waiting = parts(world, two)
    for _ in range(round(LEASE_S)):
        await waiting.acquire(QUERY_KEYS)
        world.clock.advance(1)

    assert len(two.tried) == PARTS


async def test_parts_without_a_query_are_not_leased(world: World) -> None:
    leases = FakeFleetLeases("one")
    await parts(world, leases).acquire(QUERY_KEYS[:1])

    assert leases.acquired == [part_of(QUERY_KEYS[0], PARTS)]


@pytest.mark.parametrize("when", ["acquiring", "releasing"])
async def test_unavailable_leases_serve_no_query_and_raise_nothing(world: World, when: str) -> None:
    leases = FakeFleetLeases("one")
    held = parts(world, leases)
    if when == "releasing":
        await held.acquire(QUERY_KEYS)
    leases.broken = True
    await held.release()

    assert await held.acquire(QUERY_KEYS) == frozenset()
    assert "fleet_lease" in world.logged
