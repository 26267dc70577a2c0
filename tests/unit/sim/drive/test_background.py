"""The main task decides; a background task ends with it, or ends it by failing."""

import asyncio

import pytest

from sim.drive.background import run_with_background


async def test_background_tasks_are_cancelled_when_the_main_task_is_done() -> None:
    cancelled: list[str] = []

    async def beside(name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(name)
            raise

    async def main() -> int:
        await asyncio.sleep(0.01)
        return 7

    assert await run_with_background(main(), beside("a"), beside("b")) == 7
    assert cancelled == ["a", "b"]


async def test_an_error_in_a_background_task_ends_the_main_task_and_is_raised_as_it_is() -> None:
    ended: list[str] = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("main")

    async def beside() -> None:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        await run_with_background(main(), beside())

    assert ended == ["main"]


async def test_a_background_task_that_ends_without_error_changes_nothing() -> None:
    async def main() -> str:
        await asyncio.sleep(0.02)
        return "done"

    assert await run_with_background(main(), asyncio.sleep(0)) == "done"


async def test_an_error_in_the_main_task_is_raised_as_it_is() -> None:
    async def main() -> None:
        raise LookupError("broken")

    with pytest.raises(LookupError):
        await run_with_background(main(), asyncio.sleep(60))


async def test_cancelling_from_outside_cancels_the_main_and_the_background_tasks() -> None:
    ended: list[str] = []

    async def forever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    task = asyncio.create_task(run_with_background(forever("main"), forever("beside")))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert sorted(ended) == ["beside", "main"]
