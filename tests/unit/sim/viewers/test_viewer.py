"""The viewer stays connected, tracks again, and reports what is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sim.token_client import TokenError
from sim.viewers.connection import HandshakeRejectedError
from sim.viewers.viewer import TOO_MANY_WAIT_S, Viewer
from tests.fakes.fake_socket import FakeSocketOpener
from tests.support.reception import Reception
from tests.support.viewer_messages import NOW_MS, position, status


class Tokens:
    def __init__(self, *, failures: int = 0) -> None:
        self.issued = 0
        self.failures_left = failures

    async def __call__(self, *, fresh: bool) -> str:
        if self.failures_left:
            self.failures_left -= 1
            raise TokenError("unavailable")
        if fresh or not self.issued:
            self.issued += 1
        return f"token-{self.issued}"


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def running(
    opener: FakeSocketOpener,
    reports: Reception,
    *,
    tokens: Tokens | None = None,
    silence_s: float = 75.0,
) -> AsyncIterator[Viewer]:
    viewer = Viewer(
        opener,
        tokens or Tokens(),
        on_message=reports,
        now_ms=lambda: NOW_MS,
        sleep=no_sleep,
        silence_s=silence_s,
    )
    task = asyncio.create_task(viewer.run())
    try:
        yield viewer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_delivery_is_tracked_whether_requested_before_or_after_connecting() -> None:
    opener = FakeSocketOpener()
    async with running(opener, Reception()) as viewer:
        await viewer.track("D-1")
        socket = await opener.opened.get()
        await viewer.connected.wait()
        await viewer.track("D-2")

        assert socket.sent == [
            {"action": "track", "delivery_id": "D-1"},
            {"action": "track", "delivery_id": "D-2"},
        ]


async def test_after_a_lost_connection_the_viewer_tracks_again_from_its_last_version() -> None:
    opener, reports = FakeSocketOpener(), Reception()
    async with running(opener, reports) as viewer:
        await viewer.track("D-1")
        first = await opener.opened.get()
        first.push(status(4, "nearby"))
        await reports.until(1)
        first.drop()
        second = await opener.opened.get()
        await second.until_sent(1)

        assert second.sent == [{"action": "track", "delivery_id": "D-1", "since_version": 4}]
        assert viewer.connections == 2


async def test_a_silent_connection_is_closed_and_replaced() -> None:
    opener = FakeSocketOpener()
    async with running(opener, Reception(), silence_s=0.02) as viewer:
        await viewer.track("D-1")
        first = await opener.opened.get()
        await opener.opened.get()

        assert first.closed


async def test_a_silent_connection_is_kept_if_the_viewer_tracks_nothing() -> None:
    opener = FakeSocketOpener()
    async with running(opener, Reception(), silence_s=0.01):
        await opener.opened.get()
        await asyncio.sleep(0.05)

        assert opener.opened.empty()


async def test_opening_a_socket_is_retried_until_it_succeeds() -> None:
    opener = FakeSocketOpener("lost", "lost", "open")
    async with running(opener, Reception(), tokens=Tokens(failures=2)) as viewer:
        await opener.opened.get()
        await viewer.connected.wait()

        assert opener.tokens == ["token-1"] * 3


async def test_a_rejected_token_is_replaced_once() -> None:
    opener = FakeSocketOpener(401)
    async with running(opener, Reception()):
        await opener.opened.get()

        assert opener.tokens == ["token-1", "token-2"]


@pytest.mark.parametrize("script", [(403,), (401, 401)])
async def test_a_rejection_that_a_new_token_cannot_fix_ends_the_viewer(
    script: tuple[int, ...],
) -> None:
    viewer = Viewer(
        FakeSocketOpener(*script),
        Tokens(),
        on_message=Reception(),
        now_ms=lambda: NOW_MS,
        sleep=no_sleep,
    )

    with pytest.raises(HandshakeRejectedError) as rejected:
        await viewer.run()

    assert rejected.value.status == script[-1]


def ended(reason: str) -> dict[str, str]:
    sent_at = "2026-11-24T08:01:00.004Z"
    return {"type": "ended", "delivery_id": "D-1", "reason": reason, "sent_at": sent_at}


async def test_after_its_token_expired_the_viewer_reconnects_with_a_new_one() -> None:
    opener, reports = FakeSocketOpener(), Reception()
    async with running(opener, reports) as viewer:
        await viewer.track("D-1")
        first = await opener.opened.get()
        first.push(ended("token_expired"))
        second = await opener.opened.get()
        await second.until_sent(1)

        assert opener.tokens == ["token-1", "token-2"]
        assert second.sent[0]["delivery_id"] == "D-1"


@pytest.mark.parametrize(
    "last_word",
    [
        ended("no_longer_yours"),
        {"type": "error", "delivery_id": "D-1", "reason": "not_found"},
    ],
)
async def test_a_delivery_that_is_no_longer_shown_is_not_tracked_again(
    last_word: dict[str, str],
) -> None:
    opener, reports = FakeSocketOpener(), Reception()
    async with running(opener, reports) as viewer:
        await viewer.track("D-1")
        await viewer.track("D-2")
        first = await opener.opened.get()
        first.push(last_word)
        await reports.until(1)
        first.drop()
        second = await opener.opened.get()
        await second.until_sent(1)

        assert [sent["delivery_id"] for sent in second.sent] == ["D-2"]


async def test_every_message_is_reported_with_its_time_and_whether_it_is_new() -> None:
    opener, reports = FakeSocketOpener(), Reception()
    async with running(opener, reports) as viewer:
        await viewer.track("D-1")
        socket = await opener.opened.get()
        socket.push(position(5))
        socket.push(position(4))
        socket.push({"type": "pong"})
        socket.push({"message": "Forbidden", "connectionId": "x", "requestId": "y"})
        await reports.until(4)

    first, older, *others = reports.messages
    assert (first.received_at_ms, first.new_position, first.stale) == (NOW_MS, True, False)
    assert (older.new_position, older.stale) == (False, True)
    assert all(other.problem is None for other in others)
    shown = viewer.views["D-1"].position
    assert shown is not None
    assert shown.speed_mps == 5.0


async def test_a_broken_message_is_reported_and_the_next_ones_are_processed() -> None:
    opener, reports = FakeSocketOpener(), Reception()
    async with running(opener, reports) as viewer:
        await viewer.track("D-1")
        socket = await opener.opened.get()
        socket.push("{")
        socket.push({"type": "status", "delivery_id": "D-1"})
        socket.push(position(5))
        await reports.until(3)

    assert [received.problem is not None for received in reports.messages] == [True, True, False]


async def test_a_viewer_with_too_many_sockets_waits_before_the_next_one() -> None:
    opener, reports, slept_s = FakeSocketOpener(), Reception(), []

    async def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        await asyncio.sleep(0)

    viewer = Viewer(opener, Tokens(), on_message=reports, now_ms=lambda: NOW_MS, sleep=sleep)
    task = asyncio.create_task(viewer.run())
    first = await opener.opened.get()
    first.push({"type": "error", "reason": "too_many"})
    await reports.until(1)
    first.drop()
    second = await opener.opened.get()
    second.drop()
    await opener.opened.get()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert slept_s[0] >= TOO_MANY_WAIT_S > slept_s[1]
