"""What must be true after every drive, whatever happened to the system during it."""

from __future__ import annotations

from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from sim.drive.five_trucks import DriveOutcome
from sim.environment import Environment
from tests.support.delivery_log import (
    delivery_store,
    log_problems,
    timeline_of,
    true_timeline,
)
from tests.support.system_settings import DWELL_S


def assert_nothing_is_lost(environment: Environment, outcome: DriveOutcome) -> None:
    """Counts by id: the points in every store, and the events in every delivery's log."""
    verdict = outcome.verdict
    assert verdict.problems == ()
    assert verdict.accepted > 0
    assert verdict.in_history == verdict.in_raw == verdict.accepted
    assert verdict.latest_ok == len(outcome.trucks)
    assert verdict.foreign == 0
    assert verdict.rejections > 0
    store = delivery_store(environment)
    for truck in outcome.trucks:
        # Exactly once: all accepted ids are stored, and nothing else.
        assert documents_of(environment, truck.truck_id) == len(truck.accepted)
        assert truck.delivery is not None
        delivery_id = truck.delivery.delivery_id
        row, log = store.get(delivery_id), store.events(delivery_id)
        assert row is not None
        assert row.version == len(log)
        assert log_problems(log) == []
        points = [fix.stamped() for fix in truck.accepted.values()]
        assert timeline_of(log) == true_timeline(row, points, log, dwell_s=DWELL_S)


def documents_of(environment: Environment, truck_id: str) -> int:
    """Returns the number of documents of a truck in the history."""
    client = connect(environment.opensearch_url, timeout_s=120.0)
    client.indices.refresh(index=POSITIONS_PATTERN)
    query = {"query": {"term": {"truck_id": truck_id}}}
    return int(client.count(index=POSITIONS_PATTERN, body=query)["count"])
