from __future__ import annotations

from sim.local_cloud.parts import RestartPolicy


def test_a_part_that_was_ready_is_started_again_at_once() -> None:
    assert RestartPolicy().delay_s(0) == RestartPolicy().first_delay_s


def test_a_part_that_dies_before_it_is_ready_waits_longer_each_time() -> None:
    policy = RestartPolicy(first_delay_s=1.0, max_delay_s=5.0, max_failures=9)

    assert [policy.delay_s(failures) for failures in range(1, 5)] == [2.0, 4.0, 5.0, 5.0]


def test_a_part_that_never_gets_ready_is_given_up() -> None:
    policy = RestartPolicy(max_failures=3)

    assert policy.delay_s(2) is not None
    assert policy.delay_s(3) is None
