from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator, Sequence

import pytest

from broadcaster.deletions import Deletions
from broadcaster.threads import Threads
from rtdts.runtime.logs import Logger
from tests.support.waiting import SHORT_DEADLINE_S, until


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(output: io.StringIO) -> Logger:
    return Logger("test", output)


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(8, "deletions")
    yield threads
    threads.close()


async def test_a_single_message_is_deleted_at_once(threads: Threads, log: Logger) -> None:
    requests: list[Sequence[int]] = []

    def delete(batch: Sequence[int]) -> Sequence[str]:
        requests.append(batch)
        return ()

    deletions = Deletions(delete, threads, log=log)

    await deletions.delete(1)
    await deletions.delete(2)

    assert requests == [[1], [2]]


async def test_deletions_that_arrive_during_another_share_requests_of_up_to_ten(
    threads: Threads, log: Logger
) -> None:
    requests: list[Sequence[int]] = []
    go = threading.Event()

    def delete(batch: Sequence[int]) -> Sequence[str]:
        requests.append(batch)
        go.wait(SHORT_DEADLINE_S)
        return ()

    deletions = Deletions(delete, threads, log=log)
    waiting = [asyncio.create_task(deletions.delete(number)) for number in range(26)]
    await until(lambda: len(requests) == 3)  # full batches do not wait for the first one
    go.set()
    await asyncio.gather(*waiting)

    assert sorted(number for batch in requests for number in batch) == list(range(26))
    assert all(len(batch) <= 10 for batch in requests)
    assert len(requests) <= 5


async def test_a_request_that_hangs_delays_no_other_deletion(threads: Threads, log: Logger) -> None:
    """Each of the others would delay the next change of its delivery."""
    released = threading.Event()

    def delete(batch: Sequence[str]) -> Sequence[str]:
        if "hangs" in batch:
            released.wait(2 * SHORT_DEADLINE_S)
        return ()

    deletions = Deletions(delete, threads, log=log)
    hanging = asyncio.create_task(deletions.delete("hangs"))
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await asyncio.gather(deletions.delete("a"), deletions.delete("b"))
        assert not hanging.done()
    finally:
        released.set()
    await hanging


async def test_a_failed_request_fails_only_its_own_messages(
    threads: Threads, log: Logger, output: io.StringIO
) -> None:
    problems = iter([OSError("unavailable"), None])

    def delete(_batch: Sequence[int]) -> Sequence[str]:
        problem = next(problems)
        if problem is not None:
            raise problem
        return ["ReceiptHandleIsInvalid"]

    deletions = Deletions(delete, threads, log=log)

    with pytest.raises(OSError, match="unavailable"):
        await deletions.delete(1)
    await deletions.delete(2)
    assert "ReceiptHandleIsInvalid" in output.getvalue()


async def test_no_deletion_is_lost_when_it_arrives_as_a_request_ends(
    threads: Threads, log: Logger
) -> None:
    deletions: Deletions[int] = Deletions(lambda _batch: (), threads, log=log)

    async def one_after_another() -> None:
        for number in range(50):
            await deletions.delete(number)

    async with asyncio.timeout(SHORT_DEADLINE_S):
        await asyncio.gather(*(one_after_another() for _ in range(20)))
