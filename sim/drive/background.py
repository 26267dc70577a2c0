"""Run one coroutine while others run beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_with_background(
    main: Coroutine[Any, Any, T], *others: Coroutine[Any, Any, None]
) -> T:
    """Await ``main`` while the others run; they are cancelled when it ends.

    Unlike a task group it raises the failure itself, not an exception group, and it ends when
    ``main`` ends.

    Args:
        main: The coroutine to await.
        others: Coroutines that do not end by themselves.

    Raises:
        Exception: The exception of the first coroutine that fails.
    """
    awaited = asyncio.create_task(main)
    beside = [asyncio.create_task(other) for other in others]
    try:
        running = {awaited, *beside}
        while not awaited.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {awaited}:
                task.result()
        return awaited.result()
    finally:
        for task in (awaited, *beside):
            task.cancel()
        await asyncio.gather(awaited, *beside, return_exceptions=True)
