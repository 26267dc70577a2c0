from __future__ import annotations

from broadcaster.endpoint_backoff import FIRST_S, MAX_S, EndpointBackoff
from tests.fakes.fake_clock import FakeClock


def backoff_on(clock: FakeClock) -> EndpointBackoff:
    return EndpointBackoff(clock.monotonic, uniform=max)


def test_only_the_connection_that_was_throttled_waits() -> None:
    backoff = backoff_on(FakeClock())

    backoff.throttled("slow")

    assert backoff.remaining_s("slow") == FIRST_S
    assert backoff.remaining_s("fast") == 0


def test_waits_double_up_to_a_minute_and_start_over_after_a_response() -> None:
    clock = FakeClock()
    backoff = backoff_on(clock)
    waits_s = []
    for _ in range(9):
        backoff.throttled("slow")
        waits_s.append(round(backoff.remaining_s("slow"), 3))
        clock.advance(waits_s[-1])
        assert backoff.remaining_s("slow") == 0

    assert waits_s == [0.5, 1, 2, 4, 8, 16, 32, MAX_S, MAX_S]
    backoff.responded("slow")
    backoff.throttled("slow")
    assert round(backoff.remaining_s("slow"), 3) == FIRST_S


def test_no_wait_is_shorter_than_half_its_ceiling() -> None:
    backoff = EndpointBackoff(FakeClock().monotonic, uniform=min)

    backoff.throttled("slow")

    assert backoff.remaining_s("slow") == FIRST_S / 2


def test_connections_not_throttled_for_a_long_time_are_forgotten() -> None:
    clock = FakeClock()
    backoff = backoff_on(clock)
    for number in range(1_500):
        backoff.throttled(f"conn-{number}")
    clock.advance(10 * MAX_S)
    for number in range(2_000):
        backoff.throttled(f"new-{number}")

    assert len(backoff._waiting) == 2_000
