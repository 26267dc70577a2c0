from __future__ import annotations

import pytest

from broadcaster.position_circuit_breaker import OPEN_S, PositionCircuitBreaker
from rtdts.position_store.errors import StoreUnavailable
from tests.fakes.fake_clock import FakeClock
from tests.fakes.fake_viewing_stores import FakePositions


class Failing:
    """Makes each request of a store fail after `after_s`, and counts the requests."""

    def __init__(self, store: FakePositions, clock: FakeClock, after_s: float) -> None:
        self.requested = 0
        self._clock = clock
        self._after_s = after_s
        store.before_read = store.before_last = store.before_track = self._fail

    def _fail(self) -> None:
        self.requested += 1
        self._clock.advance(self._after_s)
        raise StoreUnavailable("read", None, "no response")


def request_all(positions: PositionCircuitBreaker) -> None:
    with pytest.raises(StoreUnavailable):
        positions.shown(["T-1"])
    with pytest.raises(StoreUnavailable):
        positions.last_of([])
    with pytest.raises(StoreUnavailable):
        positions.track("T-1", start_ms=0, end_ms=None, limit=1)


def test_a_store_that_hangs_gets_no_request_while_the_circuit_is_open() -> None:
    store, clock = FakePositions(), FakeClock()
    failing = Failing(store, clock, after_s=1.5)
    positions = PositionCircuitBreaker(store, clock.monotonic)

    request_all(positions)
    assert failing.requested == 1
    clock.advance(OPEN_S)
    request_all(positions)
    assert failing.requested == 2

    clock.advance(OPEN_S)
    store.before_read = lambda: None
    assert positions.shown(["T-1"]) == {}


def test_a_store_that_fails_quickly_is_queried_every_time() -> None:
    store, clock = FakePositions(), FakeClock()
    failing = Failing(store, clock, after_s=0.01)

    request_all(PositionCircuitBreaker(store, clock.monotonic))

    assert failing.requested == 3
