"""An event loop whose time passes only while no task can run: hours of waiting take no time.

For code that waits only with `asyncio`, and does not block in threads.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from broadcaster.threads import Threads
from tests.fakes.fake_clock import FakeClock

T = TypeVar("T")
P = ParamSpec("P")


class _Jump(selectors.SelectSelector):
    """Moves the loop's clock forward instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("nothing is left that could ever run")
        self.now_s += max(0.0, timeout)
        return []  # no file is read or written, so there is no event to select


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now_s


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine to its end."""
    results: list[T] = []

    async def run() -> None:
        # Not returned by the task: its runner formats the result twice, and it may be very long.
        results.append(await main())

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())
    return results[0]


class LoopClock(FakeClock):
    """The wall clock and the monotonic clock, by the running loop's time."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now_ms(self) -> int:
        return super().now_ms() + round(self.monotonic() * 1000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class NoThreads(Threads):
    """Runs each call at once, for functions that do not block."""

    def __init__(self) -> None:
        super().__init__(1, "unused")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)
