from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broadcaster.quarantine import HANGS, MAX_PAUSE_S, MIN_PAUSE_S, Quarantine
from tests.fakes.fake_clock import FakeClock

SLOTS, TIMEOUT_S = 40, 2.0


def quarantine_on(clock: FakeClock) -> Quarantine:
    return Quarantine(SLOTS, TIMEOUT_S, clock.monotonic)


def hang(quarantine: Quarantine, *connection_ids: str, times: int = HANGS) -> None:
    for connection_id in connection_ids:
        for _ in range(times):
            quarantine.hung(connection_id)


def shortest_pause_s(quarantine: Quarantine, clock: FakeClock, connection_ids: list[str]) -> int:
    """Advances the clock until one of the connections may be tried."""
    pause_s = 0
    while connection_ids and not any(map(quarantine.may_be_tried, connection_ids)):
        clock.advance(1)
        pause_s += 1
    return pause_s


def test_a_connection_that_hung_too_few_times_is_not_quarantined() -> None:
    quarantine = quarantine_on(FakeClock())

    hang(quarantine, "slow", times=HANGS - 1)

    assert not quarantine.contains("slow")


def test_a_response_resets_the_count_of_consecutive_hangs() -> None:
    quarantine = quarantine_on(FakeClock())

    hang(quarantine, "slow", times=HANGS - 1)
    quarantine.responded("slow")
    hang(quarantine, "slow", times=HANGS - 1)

    assert not quarantine.contains("slow")


def test_a_quarantined_connection_is_tried_after_a_pause_and_released_by_a_response() -> None:
    clock = FakeClock()
    quarantine = quarantine_on(clock)
    hang(quarantine, "slow")

    assert quarantine.contains("slow")
    assert not quarantine.may_be_tried("slow")

    clock.advance(MIN_PAUSE_S)

    assert quarantine.may_be_tried("slow")

    quarantine.try_now("slow")

    assert not quarantine.may_be_tried("slow"), "its other subscriptions wait, too"

    quarantine.responded("slow")

    assert not quarantine.contains("slow")


def test_many_quarantined_connections_are_tried_less_often_to_fit_their_slots() -> None:
    clock = FakeClock()
    quarantine = quarantine_on(clock)
    names = [f"slow-{number}" for number in range(4_000)]
    hang(quarantine, *names)
    clock.advance(199)

    assert not any(map(quarantine.may_be_tried, names))

    clock.advance(1)  # 4,000 tries of 2 s, 40 at once

    assert all(map(quarantine.may_be_tried, names))

    hang(quarantine, *(f"more-{number}" for number in range(40_000)), times=HANGS)
    clock.advance(MAX_PAUSE_S - 200)

    assert quarantine.may_be_tried("slow-1")


def test_connections_that_have_not_hung_for_a_long_time_are_forgotten() -> None:
    clock = FakeClock()
    quarantine = quarantine_on(clock)
    gone = [f"gone-{number}" for number in range(5_000)]
    slow = [f"slow-{number}" for number in range(5_000)]
    hang(quarantine, *gone)
    clock.advance(3 * MAX_PAUSE_S)
    hang(quarantine, *slow)

    assert not any(map(quarantine.contains, gone))
    assert sum(map(quarantine.contains, slow)) == len(quarantine._hanging) == 5_000
    assert shortest_pause_s(quarantine, clock, slow[:1]) == 5_000 * TIMEOUT_S / SLOTS


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=200))
def test_the_pause_is_in_proportion_to_the_number_of_quarantined_connections(
    responses: list[tuple[int, bool]],
) -> None:
    clock = FakeClock()
    quarantine = Quarantine(1, MIN_PAUSE_S, clock.monotonic)
    for connection, is_hanging in responses:
        if is_hanging:
            quarantine.hung(f"c-{connection}")
        else:
            quarantine.responded(f"c-{connection}")

    quarantined = [f"c-{number}" for number in range(6) if quarantine.contains(f"c-{number}")]
    assert shortest_pause_s(quarantine, clock, quarantined) == MIN_PAUSE_S * len(quarantined)
