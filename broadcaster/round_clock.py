"""When rounds are due: at every whole interval of the wall clock, and once at the start.

Rounds are aligned so that the same minute is the same round for all broadcasters. The round at the
start is needed because a broadcaster that was restarted may have missed one: its viewers receive
their next message within the interval plus the time that the restart took. A round that lasts
longer than the interval is followed at once by the one that is due then; rounds between the two are
skipped and not made up for.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Tick:
    """A round that is due."""

    due_at_ms: int
    skipped: int
    """Rounds that became due since the last one and did not run."""


def first_tick(now_ms: int, interval_ms: int) -> Tick:
    """The round at the start: it stands for the interval that is already running."""
    return Tick(now_ms // interval_ms * interval_ms, 0)


def next_tick(last: Tick, now_ms: int, interval_ms: int) -> Tick:
    """The round of the current interval if it did not run yet, else the next one.

    A wall clock that was set back repeats a round (harmless); one set forward skips some.
    """
    running_ms = now_ms // interval_ms * interval_ms
    due_at_ms = running_ms if running_ms > last.due_at_ms else running_ms + interval_ms
    return Tick(due_at_ms, max(0, (due_at_ms - last.due_at_ms) // interval_ms - 1))


async def ticks(
    interval_s: float,
    *,
    now_ms: Callable[[], int],
    sleep: Callable[[float], Awaitable[object]],
) -> AsyncIterator[Tick]:
    """Yields each round when it is due, forever; computes the next one when this one is done."""
    interval_ms = round(interval_s * 1000)
    tick = first_tick(now_ms(), interval_ms)
    while True:
        yield tick
        tick = next_tick(tick, now_ms(), interval_ms)
        # A loop, because a sleep may end early: an early round would make two in one interval.
        while (wait_ms := tick.due_at_ms - now_ms()) > 0:
            await sleep(min(wait_ms, interval_ms) / 1000)


async def until(stop: asyncio.Event, items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Yields the items until `stop` is set, and then does not wait for the next."""
    stopped = asyncio.ensure_future(stop.wait())
    following: asyncio.Future[T] | None = None
    try:
        while not stop.is_set():
            following = asyncio.ensure_future(anext(items))
            await asyncio.wait((following, stopped), return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():  # an item that comes at this moment is left to the next process
                return
            yield following.result()
    finally:
        left = [one for one in (following, stopped) if one is not None]
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
