from __future__ import annotations

from sim.local_cloud.parts import RestartPolicy


def test_a_part_that_was_ready_is_restarted_after_the_shortest_delay() -> None:
    assert RestartPolicy().delay_s(0) == RestartPolicy().first_delay_s


def test_the_delay_grows_each_time_a_part_ends_before_it_is_ready() -> None:
    policy = RestartPolicy(first_delay_s=1.0, max_delay_s=5.0, max_failures=9)

    assert [policy.delay_s(failures) for failures in range(1, 5)] == [2.0, 4.0, 5.0, 5.0]


def test_a_part_that_never_becomes_ready_is_not_restarted_forever() -> None:
    policy = RestartPolicy(max_failures=3)

    assert policy.delay_s(2) is not None
    assert policy.delay_s(3) is None
