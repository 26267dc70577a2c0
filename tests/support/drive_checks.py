"""What must be true after every drive, whatever was done to the system under it."""

from __future__ import annotations

from collections.abc import Sequence

from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from sim.drive.customer_log import Gap
from sim.drive.five_trucks import DriveOutcome
from sim.environment import Environment
from tests.support.delivery_log import (
    as_accepted,
    delivery_store,
    log_problems,
    story_of,
    true_story,
)
from tests.support.pace import DWELL_S


def assert_nothing_is_lost(environment: Environment, outcome: DriveOutcome) -> None:
    """Counts by id: the points in every store, and the events in every delivery's log."""
    verdict = outcome.verdict
    assert verdict.problems == ()
    assert verdict.accepted > 0
    assert verdict.in_history == verdict.in_raw == verdict.accepted
    assert verdict.latest_ok == len(outcome.trucks)
    assert verdict.foreign == 0
    assert verdict.refusals > 0
    store = delivery_store(environment)
    for truck in outcome.trucks:
        # Exactly once: beside the accepted ids, which are all there, there is nothing.
        assert documents_of(environment, truck.truck_id) == len(truck.accepted)
        assert truck.delivery is not None
        delivery_id = truck.delivery.delivery_id
        row, log = store.get(delivery_id), store.events(delivery_id)
        assert row is not None
        assert row.version == len(log)
        assert log_problems(log) == []
        points = map(as_accepted, truck.accepted.values())
        assert story_of(log) == true_story(row, points, log, dwell_s=DWELL_S)


def documents_of(environment: Environment, truck_id: str) -> int:
    """How many documents of a truck the history has."""
    client = connect(environment.opensearch_url, timeout_s=120.0)
    client.indices.refresh(index=POSITIONS_PATTERN)
    query = {"query": {"term": {"truck_id": truck_id}}}
    return int(client.count(index=POSITIONS_PATTERN, body=query)["count"])


def excess_s(gap: Gap, away: Sequence[tuple[int, int]]) -> float:
    """How long a gap is beside the time in which no broadcaster was there.

    Args:
        gap: Of a customer.
        away: From when to when none was, in milliseconds; they may overlap.
    """
    moments = sorted((max(gap.from_ms, start), min(gap.to_ms, end)) for start, end in away)
    covered_ms, until_ms = 0, gap.from_ms
    for start_ms, end_ms in moments:
        covered_ms += max(0, end_ms - max(start_ms, until_ms))
        until_ms = max(until_ms, end_ms)
    return gap.length_s - covered_ms / 1000
