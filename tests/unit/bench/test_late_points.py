"""The load of the benchmark of late points."""

from __future__ import annotations

import random

import pytest

from bench.fleets import fleet_on
from bench.late_points import BEFORE_POINTS, Load, drives, load_of
from rtdts.tracking.positions import Point

TRUCKS, NEW = 30, 20


@pytest.fixture(scope="module")
def fleet() -> list[list[Point]]:
    return fleet_on(drives(BEFORE_POINTS + NEW), "T", TRUCKS)


@pytest.fixture(scope="module")
def load(fleet: list[list[Point]]) -> Load:
    return load_of(fleet, 0.1, random.Random(1))


def late_ones(load: Load) -> list[tuple[Point, Point]]:
    """Returns each late point with the newest point of its truck that arrived before it."""
    found = []
    for before, new in zip(load.before, load.new, strict=True):
        newest = before[-1]
        for point in new:
            if point.event_at_ms < newest.event_at_ms:
                found.append((point, newest))
            else:
                newest = point
    return found


def test_as_many_points_are_late_as_requested(load: Load) -> None:
    late = late_ones(load)

    assert len(late) == load.late == TRUCKS * NEW // 10
    assert all(len(of) == NEW for of in load.new)
    assert len({point.truck_id for point, _ in late}) > TRUCKS // 2


def test_late_points_are_an_hour_late(load: Load) -> None:
    for point, newest in late_ones(load):
        late_s = (newest.event_at_ms - point.event_at_ms) / 1_000
        received_late_s = (point.received_at_ms - point.event_at_ms) / 1_000

        # Shorter by the few late points that were sent in place of new ones.
        assert 3_000 <= late_s <= 3_600
        assert received_late_s == pytest.approx(3_600, abs=1)


def test_each_point_is_sent_once(fleet: list[list[Point]], load: Load) -> None:
    for of, before, new in zip(fleet, load.before, load.new, strict=True):
        sent = [point.seq for point in (*before, *new)]

        assert len(sent) == len(set(sent))
        assert set(range(BEFORE_POINTS)) <= set(sent)
        assert set(sent) <= {point.seq for point in of[:-1]}


def test_a_load_without_late_points_is_in_order(fleet: list[list[Point]]) -> None:
    load = load_of(fleet, 0.0, random.Random(1))

    assert late_ones(load) == []
    assert [[*before, *new] for before, new in zip(load.before, load.new, strict=True)] == [
        of[:-1] for of in fleet
    ]
