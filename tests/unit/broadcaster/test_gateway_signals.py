from __future__ import annotations

import itertools

from broadcaster.connection_backoff import ConnectionBackoff
from broadcaster.gateway_signals import WINDOW, GatewaySignals
from broadcaster.poster import Answer
from broadcaster.quarantine import HANGS, Quarantine
from broadcaster.rate_limiter import RateLimiter
from tests.fakes.fake_clock import FakeClock

CEILING = 1_000.0


class Signals:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.backoff = ConnectionBackoff(self.clock.monotonic, uniform=max)
        self.quarantine = Quarantine(40, 2.0, self.clock.monotonic)
        self.rate = RateLimiter(CEILING, sleep=self.clock.sleep, monotonic=self.clock.monotonic)
        self.of = GatewaySignals(self.backoff, self.quarantine, self.rate, self.clock.monotonic)

    def answer(self, connection_id: str, answer: Answer) -> None:
        self.clock.advance(0.001)
        self.of.note(connection_id, answer, self.of.now_s())


def test_a_429_of_the_account_slows_all_and_no_connection_is_left_alone() -> None:
    signals = Signals()

    signals.answer("a", Answer.OVER_QUOTA)

    assert signals.rate.per_s < CEILING
    assert signals.backoff.remaining_s("a") == 0


def test_one_of_a_connection_slows_that_one_alone() -> None:
    signals = Signals()

    for number in range(WINDOW):
        signals.answer(f"c-{number}", Answer.DELIVERED)
    signals.answer("a", Answer.THROTTLED)

    assert signals.rate.per_s == CEILING
    assert signals.backoff.remaining_s("a") > 0
    assert signals.backoff.remaining_s("c-1") == 0


def test_a_third_of_slow_clients_is_not_the_account() -> None:
    signals = Signals()
    kinds = itertools.cycle([Answer.THROTTLED, *[Answer.DELIVERED] * 2])

    for number, answer in zip(range(20 * WINDOW), kinds, strict=False):
        signals.answer(f"c-{number}", answer)

    assert signals.rate.per_s == CEILING


def test_slow_clients_that_are_known_and_tried_again_are_not_counted_twice() -> None:
    signals = Signals()

    for _ in range(20):
        for number in range(WINDOW // 4):
            signals.answer(f"slow-{number}", Answer.THROTTLED)
        for number in range(WINDOW // 5):
            signals.answer(f"c-{number}", Answer.DELIVERED)

    assert signals.rate.per_s == CEILING


def test_when_most_that_took_their_last_message_are_limited_it_is_the_account() -> None:
    signals = Signals()
    kinds = itertools.cycle([*[Answer.THROTTLED] * 3, *[Answer.DELIVERED] * 2])

    for number, answer in zip(range(WINDOW + 5), kinds, strict=False):
        signals.answer(f"c-{number}", answer)

    assert signals.rate.per_s < CEILING


def test_one_that_hangs_again_and_again_is_quarantined() -> None:
    signals = Signals()

    for _ in range(HANGS):
        signals.answer("a", Answer.HUNG)

    assert signals.quarantine.holds("a")

    signals.answer("a", Answer.DELIVERED)

    assert not signals.quarantine.holds("a")


def test_a_slow_client_that_says_so_does_not_hang() -> None:
    signals = Signals()

    for answer in (*[Answer.HUNG] * HANGS, Answer.THROTTLED):
        signals.answer("a", answer)

    assert not signals.quarantine.holds("a")


def test_a_gateway_that_hangs_puts_nobody_in_quarantine_but_those_asked_first() -> None:
    signals = Signals()

    for _ in range(3 * HANGS):
        for number in range(10 * WINDOW):
            signals.answer(f"c-{number}", Answer.HUNG)

    assert signals.quarantine.count <= WINDOW
