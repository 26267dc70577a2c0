"""Two workers begin a new truck at once: one has lost its lease without knowing it yet."""

from __future__ import annotations

import pytest

from tests.support.consumer_world import World, drive


def test_two_workers_on_a_new_truck_give_the_history_and_log_of_one_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = drive()
    points[1], points[2] = points[2], points[1]
    alone, winner = World(), World()
    loser = World(positions=winner.positions, deliveries=winner.deliveries)
    loser.clock.advance(5.0)
    for world in (alone, winner):
        world.assign("D-1")
    records = alone.shard.records(*[[one] for one in points])
    expected = alone.pipeline()
    for start in range(0, len(records), 7):
        expected.process(records[start : start + 7])
    expected.settle(everything=True)

    # Searches do not show yet what the other worker has written.
    monkeypatch.setattr(winner.positions, "known_trucks", lambda _: frozenset())
    winner.positions.troubles["write_latest"] = [RuntimeError("it stands still")]
    with pytest.raises(RuntimeError):
        loser.pipeline().process(records[:2])
    pipeline = winner.pipeline()
    for one in records:
        pipeline.process([one])
    pipeline.settle(everything=True)

    assert winner.positions.history == alone.positions.history
    assert winner.statuses("D-1") == alone.statuses("D-1")
