"""Which messages are put together, and when; no truck waits for another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from mqtt_bridge.batching import MAX_POINTS, TruckBatcher


def waits_s() -> Iterator[float]:
    return itertools.count(1.0)


def new_batcher() -> TruckBatcher[str]:
    return TruckBatcher(lambda _: 1, gather_s=0.1, waits_s=waits_s)


def test_messages_of_one_truck_within_the_gathering_time_share_a_put() -> None:
    batcher = new_batcher()
    batcher.add("T-1", "a", now_s=0.0)
    batcher.add("T-1", "b", now_s=0.09)

    assert batcher.begin_due(0.09, max_trucks=9) == {}
    assert batcher.next_due_s() == 0.1
    assert batcher.begin_due(0.1, max_trucks=9) == {"T-1": ["a", "b"]}


def test_a_truck_has_one_put_under_way_and_its_next_messages_follow() -> None:
    batcher = new_batcher()
    batcher.add("T-1", "a", now_s=0.0)
    batcher.begin_due(1.0, max_trucks=9)
    batcher.add("T-1", "b", now_s=1.0)

    assert batcher.begin_due(2.0, max_trucks=9) == {}
    batcher.done("T-1", [], now_s=2.0)
    assert batcher.begin_due(2.1, max_trucks=9) == {"T-1": ["b"]}


def test_many_points_of_a_truck_are_divided_among_puts_without_a_wait_between_them() -> None:
    batcher: TruckBatcher[int] = TruckBatcher(lambda points: points, gather_s=0.1, waits_s=waits_s)
    for points in (MAX_POINTS - 1, 1, MAX_POINTS + 1, 2):
        batcher.add("T-1", points, now_s=0.0)
    puts: list[list[int]] = []
    now_s = 0.1
    while due := batcher.begin_due(now_s, max_trucks=10):
        puts += due.values()
        batcher.done("T-1", [], now_s=now_s)

    assert puts == [[MAX_POINTS - 1, 1], [MAX_POINTS + 1], [2]]
    assert batcher.next_due_s() is None


def test_a_put_has_at_most_the_points_allowed_per_truck_and_the_rest_wait_for_the_next() -> None:
    """Points for which a put has no time would fail, and their trucks would back off."""
    batcher: TruckBatcher[int] = TruckBatcher(lambda points: points, gather_s=0.1, waits_s=waits_s)
    for truck_id, points in (("T-1", MAX_POINTS - 500), ("T-2", 500), ("T-2", 300), ("T-3", 1)):
        batcher.add(truck_id, points, now_s=0.0)

    puts = [batcher.begin_due(0.1, max_trucks=9) for _ in range(3)]
    for put in puts:
        for truck_id in put:
            batcher.done(truck_id, [], now_s=0.1)

    assert puts == [{"T-1": [MAX_POINTS - 500], "T-2": [500]}, {"T-3": [1]}, {}]
    assert batcher.begin_due(0.1, max_trucks=9) == {"T-2": [300]}


def test_failed_messages_are_put_again_before_later_ones() -> None:
    batcher = new_batcher()
    batcher.add("T-1", "a", now_s=0.0)
    batcher.add("T-1", "b", now_s=0.0)
    batcher.begin_due(0.1, max_trucks=9)
    batcher.add("T-1", "c", now_s=0.2)

    batcher.done("T-1", ["a", "b"], now_s=0.2)

    assert batcher.begin_due(1.1, max_trucks=9) == {}
    assert batcher.begin_due(1.2, max_trucks=9) == {"T-1": ["a", "b", "c"]}


def test_a_failing_truck_waits_longer_each_time_and_delays_no_other_truck() -> None:
    batcher = new_batcher()
    batcher.add("T-1", "a", now_s=0.0)
    for now_s, due_s in ((0.1, 1.1), (1.1, 3.1)):
        assert batcher.begin_due(now_s, max_trucks=9) == {"T-1": ["a"]}
        batcher.done("T-1", ["a"], now_s=now_s)
        assert batcher.next_due_s() == due_s

    batcher.add("T-2", "b", now_s=1.2)

    assert batcher.begin_due(1.4, max_trucks=9) == {"T-2": ["b"]}


def test_a_success_resets_the_backoff_of_a_truck() -> None:
    batcher = new_batcher()
    batcher.add("T-1", "a", now_s=0.0)
    batcher.begin_due(0.1, max_trucks=9)
    batcher.done("T-1", ["a"], now_s=0.1)
    batcher.begin_due(1.1, max_trucks=9)
    batcher.done("T-1", [], now_s=1.1)

    batcher.add("T-1", "b", now_s=2.0)
    batcher.begin_due(2.1, max_trucks=9)
    batcher.done("T-1", ["b"], now_s=2.1)

    assert batcher.next_due_s() == 3.1


def test_the_trucks_that_waited_longest_come_first_when_a_put_is_full() -> None:
    batcher = new_batcher()
    for number in range(3):
        batcher.add(f"T-{number}", "a", now_s=float(number))

    assert list(batcher.begin_due(9.0, max_trucks=2)) == ["T-0", "T-1"]


def test_after_hasten_a_message_is_due_without_a_gathering_time() -> None:
    batcher = new_batcher()
    batcher.add("T-1", "a", now_s=5.0)

    batcher.hasten()

    assert batcher.begin_due(5.0, max_trucks=9) == {"T-1": ["a"]}
