"""Units per minute and key, as a mean over some minutes."""

from __future__ import annotations

import pytest

from rtdts.runtime.rate_limits import RateLimits

NOW_MS = 1_800_000_000_000


def limits(max_keys: int = 100) -> RateLimits:
    """60 per minute, 120 at once."""
    return RateLimits(per_minute=60, burst_minutes=2, max_keys=max_keys)


def spent_at(limit: RateLimits, now_ms: int, key: str = "a") -> int:
    """How many units a key can spend at one time, one after another."""
    count = 0
    while limit.wait_ms(key, now_ms) == 0:
        limit.spend(key, 1, now_ms)
        count += 1
    return count


def test_an_idle_key_may_use_its_burst_and_then_its_rate() -> None:
    limit = limits()
    first = spent_at(limit, NOW_MS)
    later = [spent_at(limit, NOW_MS + second * 1_000) for second in range(1, 11)]

    assert first == 120
    assert later == [1] * 10


def test_unused_units_are_saved_up_to_the_burst() -> None:
    limit = limits()
    spent_at(limit, NOW_MS)

    assert spent_at(limit, NOW_MS + 30_000) == 30
    assert spent_at(limit, NOW_MS + 24 * 3_600_000) == 120


def test_an_overdrawn_key_waits_but_never_longer_than_a_burst() -> None:
    limit = limits()
    limit.spend("a", 150, NOW_MS)
    overdrawn_ms = limit.wait_ms("a", NOW_MS)
    limit.spend("a", 1_000_000, NOW_MS)

    assert overdrawn_ms == 31_000
    assert limit.wait_ms("a", NOW_MS) == 121_000


def test_keys_have_separate_limits() -> None:
    limit = limits()
    spent_at(limit, NOW_MS)

    assert limit.wait_ms("b", NOW_MS) == 0


def test_many_other_keys_do_not_restore_a_spent_burst() -> None:
    limit = limits(max_keys=4)
    spent_at(limit, NOW_MS, "greedy")
    for number in range(100):
        limit.spend(str(number), 1, NOW_MS)

    assert limit.wait_ms("greedy", NOW_MS) > 0


@pytest.mark.parametrize("later_ms", [0, 24 * 3_600_000])
def test_idle_keys_are_dropped_first_when_there_are_too_many(later_ms: int) -> None:
    limit = limits(max_keys=4)
    for key in "abcd":
        limit.spend(key, 200, NOW_MS)
    limit.spend("e", 200, NOW_MS + later_ms)

    assert limit.wait_ms("a", NOW_MS + later_ms) == 0
    assert limit.wait_ms("e", NOW_MS + later_ms) > 0
    assert (limit.wait_ms("d", NOW_MS + later_ms) > 0) is (later_ms == 0)
