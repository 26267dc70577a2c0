from __future__ import annotations

import itertools

from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.gateway_signals import WINDOW, GatewaySignals
from broadcaster.quarantine import HANGS, Quarantine
from broadcaster.rate_limiter import RateLimiter
from broadcaster.sender import PostOutcome
from tests.fakes.fake_clock import FakeClock

CEILING = 1_000.0


class Signals:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.backoff = EndpointBackoff(self.clock.monotonic, uniform=max)
        self.quarantine = Quarantine(40, 2.0, self.clock.monotonic)
        self.rate = RateLimiter(CEILING, sleep=self.clock.sleep, monotonic=self.clock.monotonic)
        self.of = GatewaySignals(self.backoff, self.quarantine, self.rate, self.clock.monotonic)

    def respond_with(self, connection_id: str, outcome: PostOutcome) -> None:
        self.clock.advance(0.001)
        self.of.note(connection_id, outcome, self.of.now_s())


def test_a_429_for_the_account_slows_all_posts_and_backs_off_no_connection() -> None:
    signals = Signals()

    signals.respond_with("a", PostOutcome.OVER_QUOTA)

    assert signals.rate.per_s < CEILING
    assert signals.backoff.remaining_s("a") == 0


def test_a_429_for_a_connection_backs_off_only_that_connection() -> None:
    signals = Signals()

    for number in range(WINDOW):
        signals.respond_with(f"c-{number}", PostOutcome.DELIVERED)
    signals.respond_with("a", PostOutcome.THROTTLED)

    assert signals.rate.per_s == CEILING
    assert signals.backoff.remaining_s("a") > 0
    assert signals.backoff.remaining_s("c-1") == 0


def test_throttling_of_a_third_of_all_connections_is_not_attributed_to_the_account() -> None:
    signals = Signals()
    kinds = itertools.cycle([PostOutcome.THROTTLED, *[PostOutcome.DELIVERED] * 2])

    for number, outcome in zip(range(20 * WINDOW), kinds, strict=False):
        signals.respond_with(f"c-{number}", outcome)

    assert signals.rate.per_s == CEILING


def test_connections_that_are_throttled_repeatedly_count_once() -> None:
    signals = Signals()

    for _ in range(20):
        for number in range(WINDOW // 4):
            signals.respond_with(f"slow-{number}", PostOutcome.THROTTLED)
        for number in range(WINDOW // 5):
            signals.respond_with(f"c-{number}", PostOutcome.DELIVERED)

    assert signals.rate.per_s == CEILING


def test_throttling_of_most_connections_is_attributed_to_the_account() -> None:
    signals = Signals()
    kinds = itertools.cycle([*[PostOutcome.THROTTLED] * 3, *[PostOutcome.DELIVERED] * 2])

    for number, outcome in zip(range(WINDOW + 5), kinds, strict=False):
        signals.respond_with(f"c-{number}", outcome)

    assert signals.rate.per_s < CEILING


def test_a_connection_that_hangs_repeatedly_is_quarantined_until_it_responds() -> None:
    signals = Signals()

    for _ in range(HANGS):
        signals.respond_with("a", PostOutcome.HUNG)

    assert signals.quarantine.contains("a")

    signals.respond_with("a", PostOutcome.DELIVERED)

    assert not signals.quarantine.contains("a")


def test_a_connection_that_responds_with_429_leaves_quarantine() -> None:
    signals = Signals()

    for outcome in (*[PostOutcome.HUNG] * HANGS, PostOutcome.THROTTLED):
        signals.respond_with("a", outcome)

    assert not signals.quarantine.contains("a")


def test_a_gateway_that_hangs_puts_only_the_first_connections_tried_in_quarantine() -> None:
    signals = Signals()

    connection_ids = [f"c-{number}" for number in range(10 * WINDOW)]
    for _ in range(3 * HANGS):
        for connection_id in connection_ids:
            signals.respond_with(connection_id, PostOutcome.HUNG)

    assert sum(map(signals.quarantine.contains, connection_ids)) <= WINDOW
