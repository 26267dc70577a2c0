"""By how much a clock is found to be slow, from sequences of requests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest

from rtdts.tracking.clock_lag import (
    RUN_MS,
    RUN_REQUESTS,
    SLOW_MS,
    SPREAD_MS,
    ClockLag,
    as_correct,
    earliest_ms,
    is_slow,
    lag_at,
    observed,
)
from rtdts.tracking.state_codec import pack_state, unpack_state
from rtdts.tracking.truck_state import TruckState
from rtdts.tracking.window import Window

NOON_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
SLOW = 3 * HOUR_MS

Request = tuple[int, int]
"""Seconds after noon at which it was received, and seconds between then and its newest point."""


def live(count: int, *, every_s: int = 10, lag_ms: int = 0, from_s: int = 0) -> list[Request]:
    """A device that sends each point at once, over a network that takes 0 to 4 s."""
    return [(from_s + n * every_s, lag_ms // 1_000 + n * 7 % 5) for n in range(count)]


def oldest_first(count: int, *, lag_ms: int = 0, points_s: int = 10) -> list[Request]:
    """A backlog, two requests per second, each with the next point."""
    return [(n // 2, lag_ms // 1_000 + (count - n) * points_s) for n in range(count)]


def newest_first(count: int, *, lag_ms: int = 0, points_s: int = 10) -> list[Request]:
    return [(n // 2, lag_ms // 1_000 + n * points_s) for n in range(count)]


def reported(
    requests: Sequence[Request], clock: ClockLag | None = None
) -> Iterator[ClockLag | None]:
    for received_s, old_s in requests:
        received_at_ms = NOON_MS + received_s * 1_000
        clock = observed(
            clock, received_at_ms=received_at_ms, recorded_at_ms=received_at_ms - old_s * 1_000
        )
        yield clock


def after(requests: Sequence[Request], clock: ClockLag | None = None) -> ClockLag | None:
    return list(reported(requests, clock))[-1]


def known_slow(lag_ms: int = SLOW) -> ClockLag:
    clock = after(live(30, lag_ms=lag_ms))
    assert clock is not None
    return clock


NEVER_SLOW = {
    "right": live(100),
    "right, after minutes of latency": live(100, lag_ms=30_000),
    "a backlog, oldest first": [*oldest_first(2_000), *live(20, from_s=1_000)],
    "a backlog, newest first": [*newest_first(2_000), *live(20, from_s=1_000)],
    "a backlog with one point per minute, one request per 10 s": [
        (10 * n, 60 * n) for n in range(300)
    ],
    "a backlog uploaded 1.5 times as fast as it was recorded": [
        (10 * n, 7_200 - 5 * n) for n in range(900)
    ],
    "live points, and a backlog between them": [
        one for n in range(200) for one in ((10 * n, 2), (10 * n + 1, 7_200 - 30 * n))
    ],
    "two devices, one of them slow": [
        one for n in range(200) for one in ((10 * n, 2), (10 * n + 1, 10_800))
    ],
    "a clock that has stopped": [(10 * n, 200 + 10 * n) for n in range(200)],
    "too few requests": live(RUN_REQUESTS - 1, every_s=60, lag_ms=SLOW),
    "too short": live(50, every_s=1, lag_ms=SLOW),
    "a batch every five minutes": [(300 * n, 3) for n in range(50)],
}


@pytest.mark.parametrize("requests", NEVER_SLOW.values(), ids=NEVER_SLOW.keys())
def test_delays_of_the_network_and_the_device_do_not_make_a_clock_slow(
    requests: Sequence[Request],
) -> None:
    assert not any(is_slow(clock) for clock in reported(requests))


SLOW_BY_THREE_HOURS = {
    "live": live(30, lag_ms=SLOW),
    "a request every second": live(70, every_s=1, lag_ms=SLOW),
    "a request every ten minutes": live(6, every_s=600, lag_ms=SLOW),
    "live, then a silence of eight hours": [
        *live(30, lag_ms=SLOW),
        *live(1, lag_ms=SLOW, from_s=28_800),
    ],
    "live, then a backlog, oldest first": [
        *live(30, lag_ms=SLOW),
        *[(300 + s, old_s) for s, old_s in oldest_first(200, lag_ms=SLOW)],
    ],
    "live, then a backlog, newest first": [
        *live(30, lag_ms=SLOW),
        *[(300 + s, old_s) for s, old_s in newest_first(200, lag_ms=SLOW)],
    ],
    "a backlog, then live": [
        *oldest_first(200, lag_ms=SLOW),
        *live(30, lag_ms=SLOW, from_s=200),
    ],
}


@pytest.mark.parametrize("requests", SLOW_BY_THREE_HOURS.values(), ids=SLOW_BY_THREE_HOURS.keys())
def test_a_clock_is_slow_by_the_smallest_lag_of_its_requests(requests: Sequence[Request]) -> None:
    clock = after(requests)

    assert clock is not None
    assert SLOW <= clock.lag_ms <= SLOW + 4_000


def test_a_corrected_clock_is_right_from_the_first_fresh_point_on() -> None:
    clock = after(live(1, from_s=400), known_slow())

    assert not is_slow(clock)
    assert not is_slow(after(live(50, from_s=410), clock))


def test_a_clock_set_forward_is_right_at_first_and_slow_by_less_after_a_run() -> None:
    before, *_, after_run = reported(live(30, lag_ms=SLOW // 2, from_s=400), known_slow())

    assert not is_slow(before)
    assert after_run is not None
    assert after_run.lag_ms == SLOW // 2


def test_a_clock_set_back_further_is_slow_by_more_after_a_run() -> None:
    between, *_, after_run = reported(live(30, lag_ms=2 * SLOW, from_s=400), known_slow())

    assert between is not None
    assert between.lag_ms == SLOW
    assert after_run is not None
    assert after_run.lag_ms == 2 * SLOW


def test_a_clock_at_the_limit_does_not_alternate_between_slow_and_right() -> None:
    jitter = [(10 * n, SLOW_MS // 1_000 + (0, 6, 3, -5)[n % 4]) for n in range(400)]

    states = [is_slow(clock) for clock in reported(jitter)]

    assert sum(one != other for one, other in itertools.pairwise(states)) <= 1


def test_a_shifted_request_ends_a_slow_clock() -> None:
    assert as_correct(None) is None
    assert as_correct(after(live(3, lag_ms=SLOW))) is None
    assert not is_slow(as_correct(known_slow()))


@pytest.mark.parametrize(
    ("old_ms", "lag_ms"),
    [
        (SLOW + 2_000, SLOW),
        (SLOW + HOUR_MS, SLOW),
        (SLOW - 5_000, SLOW - 5_000),
        (SLOW - SPREAD_MS - 1, 0),
        (1_000, 0),
    ],
    ids=["live", "buffered", "fresher than any before", "corrected", "right"],
)
def test_a_point_counts_as_later_by_the_lag_and_never_as_later_than_its_receipt(
    old_ms: int, lag_ms: int
) -> None:
    clock = known_slow()
    assert clock.lag_ms == SLOW

    found = lag_at(clock, event_at_ms=NOON_MS - old_ms, received_at_ms=NOON_MS)

    assert found == lag_ms
    assert NOON_MS - old_ms + found <= NOON_MS


def test_every_point_of_a_right_clock_counts_at_its_recorded_time() -> None:
    assert lag_at(None, event_at_ms=NOON_MS - SLOW, received_at_ms=NOON_MS) == 0
    assert lag_at(as_correct(known_slow()), event_at_ms=NOON_MS - SLOW, received_at_ms=NOON_MS) == 0


def test_fixes_count_from_an_earlier_time_on_only_while_the_clock_was_slow() -> None:
    clock = known_slow()
    last_ms = NOON_MS + 290_000

    assert clock.until_ms == last_ms
    assert earliest_ms(None, NOON_MS) == NOON_MS
    assert earliest_ms(clock, NOON_MS) == NOON_MS - SLOW
    assert earliest_ms(as_correct(clock), last_ms) == last_ms - SLOW
    assert earliest_ms(as_correct(clock), last_ms + 1) == last_ms + 1


@pytest.mark.parametrize("clock", [None, known_slow(), ClockLag(max_lag_ms=1, until_ms=2)])
def test_a_clock_lag_is_stored_and_restored_with_its_trucks_state(clock: ClockLag | None) -> None:
    state = TruckState(truck_id="T-1", window=Window("T-1"), clock=clock)

    assert unpack_state("T-1", pack_state(state)) == state


def test_a_slow_clock_adds_fewer_than_45_bytes_to_the_state_and_a_right_one_is_none() -> None:
    def size(clock: ClockLag | None) -> int:
        return len(pack_state(TruckState(truck_id="T-1", window=Window("T-1"), clock=clock)))

    assert size(known_slow()) - size(None) < 45
    assert after(live(100)) is None
    assert RUN_MS >= 60_000
