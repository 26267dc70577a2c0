"""Guarantee 3 with history, truck states and latest positions in a real OpenSearch.

tests/unit/consumer/test_log_is_the_timeline.py tests the same and more on a fake, with thousands of
seeds; here each seed has its own truck, and workers read what OpenSearch has made visible.
"""

from __future__ import annotations

import random
from typing import cast

import msgspec
import pytest
from opensearchpy import OpenSearch

from rtdts.position_store.client import connect
from rtdts.position_store.history_pages import HistoryPages
from rtdts.position_store.state import TruckStateStore
from rtdts.position_store.writer import PositionWriter
from rtdts.tracking.deliveries import Status
from rtdts.tracking.positions import Point
from tests.fakes.fake_position_store import FakePositionStore
from tests.support.consumer_world import START_MS, World, derived, drive, point
from tests.support.deliveries import unique
from tests.support.disturbed_consumer import (
    DELIVERY,
    BackOffice,
    Workers,
    assert_log_is_the_timeline,
    disturbed,
    in_order,
    sparse,
)

pytestmark = pytest.mark.real

SETTLING_EVENTS = len(Status) + 6
"""The maximum number of events that one settling may append."""


class RealPositions(PositionWriter, HistoryPages, TruckStateStore):
    """The consumer's interfaces to OpenSearch as one object, as a `World` needs them."""

    def __init__(self, client: OpenSearch) -> None:
        self._client = client


@pytest.fixture(scope="module")
def client(opensearch_url: str) -> OpenSearch:
    return connect(opensearch_url)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_log_is_the_timeline_after_any_order_of_points_and_kills(
    client: OpenSearch, seed: int, is_sparse: bool
) -> None:
    rng = random.Random(seed)
    truck_id, another = unique("T"), unique("T")
    points: list[Point] = [*drive(truck_id), point(400, 4_010.0, truck_id=truck_id)]
    if is_sparse:
        points = sparse(points)
    *before, last = points
    positions = RealPositions(client)
    world = World(positions=cast("FakePositionStore", positions))
    world.assign(DELIVERY, truck_id)
    office = BackOffice(world, rng, trucks=(truck_id, another))
    workers = Workers(world, rng, disturbed(rng, before))

    while workers.has_more():
        world.clock.advance(rng.choice([0.5, 8.0, 40.0]))
        if rng.random() < 0.1:
            office.act()
        workers.process_some(kill=rng.random() < 0.2)
        if rng.random() < 0.5:
            length = len(world.deliveries.events(DELIVERY))
            workers.settle(kill=rng.random() < 0.2)
            assert len(world.deliveries.events(DELIVERY)) <= length + SETTLING_EVENTS
    workers.finish(last)

    assert_log_is_the_timeline(world, points)
    positions.refresh()
    history = positions.after(truck_id, START_MS, 10 * len(points))
    found = {one.fix.point_id: msgspec.structs.replace(one.fix, n=0) for one in history}
    assert found == derived(in_order(points, truck_id))
