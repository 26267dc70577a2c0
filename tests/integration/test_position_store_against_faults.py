"""Positions and states in a real OpenSearch with failed items, lost or invalid responses."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
import pytest

from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.client import connect
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.history_pages import HistoryInterval, HistoryPages
from rtdts.position_store.state import StateWrite, TruckStateStore
from rtdts.position_store.writer import HistoryWrite, PositionWriter
from rtdts.tracking.fixes import Fix, LatestPosition, fix_of
from rtdts.tracking.truck_state import TruckState
from rtdts.tracking.window import Window
from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    FailItems,
    Fault,
    FaultRule,
    Reject,
    ReplaceResponse,
)
from sim.fault_shim.shim import FaultShim
from tests.support.consumer_world import point
from tests.support.deliveries import unique
from tests.support.latest_positions import LatestPositions

pytestmark = pytest.mark.real

T = TypeVar("T")
TIMEOUT_S = 2.0
COUNT = 4
SUBSETS = [set(s) for n in range(1, COUNT + 1) for s in itertools.combinations(range(COUNT), n)]


class Positions:
    """The store behind the fault shim, and the same store without it."""

    def __init__(self, url: str, shim: FaultShim) -> None:
        client = connect(shim.url, timeout_s=TIMEOUT_S)
        self.shim = shim
        self.writer = PositionWriter(client)
        self.states = TruckStateStore(client)
        self.reader = LatestPositions(client)
        self._past = connect(url)
        self.pages = HistoryPages(client)
        self.truth = LatestPositions(self._past)
        self.true_pages = HistoryPages(self._past)

    def in_history(self, *points: Fix) -> list[bool]:
        """Returns for each point whether it is in the history."""
        found = self.true_pages.stored(points)
        return [one.point_id in found for one in points]


@pytest.fixture
async def positions(opensearch_url: str) -> AsyncIterator[Positions]:
    async with FaultShim(opensearch_url) as shim:
        yield Positions(opensearch_url, shim)


async def blocking(function: Callable[[], T]) -> T:
    """Runs a blocking call in a thread: the shim runs in this one."""
    return await asyncio.to_thread(function)


def a_rule(fault: Fault, operation: str = "_bulk", **more: Any) -> FaultRule:
    return FaultRule(name="r", fault=fault, operation=operation, **more)


def points_of(truck_id: str, count: int = COUNT) -> list[Fix]:
    return [fix_of(point(second, 10.0 * second, truck_id=truck_id)) for second in range(count)]


def history(points: list[Fix]) -> list[HistoryWrite]:
    return [HistoryWrite(fix=one) for one in points]


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (400, "strict_dynamic_mapping_exception", WriteResult.REJECTED),
        (403, "cluster_block_exception", WriteResult.RETRYABLE),
        (404, "index_not_found_exception", WriteResult.RETRYABLE),
        (429, "rejected_execution_exception", WriteResult.RETRYABLE),
        (500, "exception", WriteResult.RETRYABLE),
        (503, "unavailable_shards_exception", WriteResult.RETRYABLE),
    ],
)
async def test_a_failed_item_is_rejected_or_retryable_depending_on_its_error(
    positions: Positions, status: int, code: str, result: WriteResult
) -> None:
    points = points_of(unique("T"))
    rule = a_rule(FailItems(status=status, code=code, places=(2,)))
    await positions.shim.set_rules(rule)
    outcomes = await blocking(lambda: positions.writer.write_history(history(points)))

    assert [outcome.result for outcome in outcomes] == [
        WriteResult.WRITTEN,
        WriteResult.WRITTEN,
        result,
        WriteResult.WRITTEN,
    ]
    assert code in outcomes[2].reason
    assert await blocking(lambda: positions.in_history(*points)) == [True, True, False, True]


@pytest.mark.parametrize("failing", SUBSETS, ids=str)
async def test_exactly_the_failed_documents_are_missing_until_they_are_written_again(
    positions: Positions, failing: set[int]
) -> None:
    points = points_of(unique("T"))
    rule = a_rule(FailItems(status=429, places=tuple(failing)), times=1)
    await positions.shim.set_rules(rule)
    outcomes = await blocking(lambda: positions.writer.write_history(history(points)))
    left = [
        one
        for one, outcome in zip(points, outcomes, strict=True)
        if outcome.result is not WriteResult.WRITTEN
    ]
    there = await blocking(lambda: positions.in_history(*points))
    again = await blocking(lambda: positions.writer.write_history(history(left)))

    assert there == [place not in failing for place in range(COUNT)]
    assert [points.index(one) for one in left] == sorted(failing)
    assert all(outcome.result is WriteResult.WRITTEN for outcome in again)
    assert all(await blocking(lambda: positions.in_history(*points)))


NO_RESPONSE = [
    Drop(),
    Drop(by="close"),
    CutResponse(),
    CutResponse(by="close"),
    CutResponse(after_bytes=10),
    Delay(seconds=3600),
    Reject(status=429, code="circuit_breaking_exception"),
    Reject(status=413, code="too_long_http_content_exception"),
    Reject(status=503, code="cluster_manager_not_discovered_exception"),
    ReplaceResponse(status=502, body="<html>Bad Gateway</html>"),
    ReplaceResponse(status=504, body=""),
    ReplaceResponse(status=200, body='{"errors":false,"it'),
    ReplaceResponse(status=200, body="<html>"),
]


@pytest.mark.parametrize("fault", NO_RESPONSE, ids=str)
async def test_a_write_without_a_valid_response_is_unavailable_and_can_be_repeated(
    positions: Positions, fault: Fault
) -> None:
    points = points_of(unique("T"))
    await positions.shim.set_rules(a_rule(fault, times=1))

    with pytest.raises(StoreUnavailable):
        await blocking(lambda: positions.writer.write_history(history(points)))
    outcomes = await blocking(lambda: positions.writer.write_history(history(points)))
    assert all(outcome.result is WriteResult.WRITTEN for outcome in outcomes)
    assert all(await blocking(lambda: positions.in_history(*points)))


@pytest.mark.parametrize("fault", NO_RESPONSE, ids=str)
@pytest.mark.parametrize("operation", ["_mget", "_search"])
async def test_a_read_without_a_valid_response_is_unavailable_and_not_empty(
    positions: Positions, operation: str, fault: Fault
) -> None:
    (newest,) = points_of(unique("T"), 1)
    latest = LatestPosition(newest=newest, shown=newest)
    truck_id = newest.truck_id
    await blocking(lambda: positions.writer.write_latest([latest]))
    await positions.shim.set_rules(a_rule(fault, operation))
    reads: dict[str, Callable[[], object]] = {
        "_mget": lambda: positions.reader.shown([truck_id]),
        "_search": lambda: positions.pages.around(
            [HistoryInterval(truck_id, 0, newest.event_at_ms)]
        ),
    }

    with pytest.raises(StoreUnavailable):
        await blocking(reads[operation])


async def test_a_document_that_could_not_be_read_does_not_count_as_absent(
    positions: Positions,
) -> None:
    body = '{"docs":[{"_id":"x","error":{"type":"no_shard_available_action_exception"}}]}'
    await positions.shim.set_rules(a_rule(ReplaceResponse(status=200, body=body), "_mget"))

    with pytest.raises(StoreUnavailable):
        await blocking(lambda: positions.reader.shown([unique("T")]))
    with pytest.raises(StoreUnavailable):
        await blocking(lambda: positions.states.load([unique("T")]))


async def test_the_latest_position_never_goes_back_after_a_lost_response(
    positions: Positions,
) -> None:
    older, newer = points_of(unique("T"), 2)
    truck_id = older.truck_id
    await positions.shim.set_rules(a_rule(CutResponse(), times=1))
    with pytest.raises(StoreUnavailable):
        await blocking(
            lambda: positions.writer.write_latest([LatestPosition(newest=newer, shown=newer)])
        )
    outcomes = [
        await blocking(partial(positions.writer.write_latest, [one]))
        for one in (
            LatestPosition(newest=newer, shown=newer),
            LatestPosition(newest=older, shown=older),
        )
    ]

    # A repeated write of the same position succeeds.
    assert [one.result for (one,) in outcomes] == [WriteResult.WRITTEN, WriteResult.CONFLICT]
    latest = await blocking(lambda: positions.truth.latest([truck_id]))
    assert latest[truck_id].newest == newer


async def test_only_the_latest_positions_that_failed_are_retryable(positions: Positions) -> None:
    newest = [points_of(unique("T"), 1)[0] for _ in range(20)]
    failing = newest[7].truck_id
    await positions.shim.set_rules(
        a_rule(FailItems(status=503), target="truck-latest", ids=failing)
    )
    outcomes = await blocking(
        lambda: positions.writer.write_latest(
            [LatestPosition(newest=one, shown=one) for one in newest]
        )
    )
    there = await blocking(lambda: positions.truth.latest([one.truck_id for one in newest]))

    assert [n for n, one in enumerate(outcomes) if one.result is not WriteResult.WRITTEN] == [7]
    assert outcomes[7].result is WriteResult.RETRYABLE
    assert {one.truck_id for one in newest} - there.keys() == {failing}


async def test_a_state_saved_with_a_lost_response_is_found_with_its_writers_id(
    positions: Positions,
) -> None:
    state = TruckState(truck_id=unique("T"), window=Window(""), writer_id="me")
    await positions.shim.set_rules(a_rule(CutResponse(), times=1))
    with pytest.raises(StoreUnavailable):
        await blocking(lambda: positions.states.save([StateWrite.of(state, None)]))
    (again,) = await blocking(lambda: positions.states.save([StateWrite.of(state, None)]))
    stored = (await blocking(lambda: positions.states.load([state.truck_id])))[state.truck_id]

    assert again.result is WriteResult.CONFLICT
    assert stored.state == state
    next_state = msgspec.structs.replace(state, last_ordinal=1)
    (outcome,) = await blocking(
        lambda: positions.states.save([StateWrite.of(next_state, stored.version)])
    )
    assert outcome.result is WriteResult.WRITTEN
