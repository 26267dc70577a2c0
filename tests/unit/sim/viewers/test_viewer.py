"""The viewer stays connected, tracks again, and reports what is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sim.token_client import TokenError
from sim.viewers.connection import HandshakeRejectedError
from sim.viewers.viewer import TOO_MANY_WAIT_S, Viewer
from tests.fakes.fake_socket import FakeDoor
from tests.support.reception import Reception
from tests.support.viewer_messages import NOW_MS, position, status


class Tokens:
    def __init__(self, *, away: int = 0) -> None:
        self.issued = 0
        self.away = away

    async def __call__(self, *, fresh: bool) -> str:
        if self.away:
            self.away -= 1
            raise TokenError("away")
        if fresh or not self.issued:
            self.issued += 1
        return f"token-{self.issued}"


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def running(
    door: FakeDoor, reports: Reception, *, tokens: Tokens | None = None, silence_s: float = 75.0
) -> AsyncIterator[Viewer]:
    viewer = Viewer(
        door,
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


async def test_a_delivery_is_tracked_whether_the_socket_is_open_yet_or_not() -> None:
    door = FakeDoor()
    async with running(door, Reception()) as viewer:
        await viewer.track("D-1")
        socket = await door.opened.get()
        await viewer.connected.wait()
        await viewer.track("D-2")

        assert socket.sent == [
            {"action": "track", "delivery_id": "D-1"},
            {"action": "track", "delivery_id": "D-2"},
        ]


async def test_after_a_lost_connection_it_tracks_again_from_the_version_that_it_has() -> None:
    door, reports = FakeDoor(), Reception()
    async with running(door, reports) as viewer:
        await viewer.track("D-1")
        first = await door.opened.get()
        first.push(status(4, "nearby"))
        await reports.until(1)
        first.drop()
        second = await door.opened.get()
        await second.until_sent(1)

        assert second.sent == [{"action": "track", "delivery_id": "D-1", "since_version": 4}]
        assert viewer.connections == 2


async def test_silence_is_accepted_for_a_dead_connection() -> None:
    door = FakeDoor()
    async with running(door, Reception(), silence_s=0.02) as viewer:
        await viewer.track("D-1")
        first = await door.opened.get()
        await door.opened.get()

        assert first.closed


async def test_a_viewer_that_tracks_nothing_may_receive_nothing() -> None:
    door = FakeDoor()
    async with running(door, Reception(), silence_s=0.01):
        await door.opened.get()
        await asyncio.sleep(0.05)

        assert door.opened.empty()


async def test_a_socket_that_cannot_be_had_is_tried_again() -> None:
    door = FakeDoor("lost", "lost", "open")
    async with running(door, Reception(), tokens=Tokens(away=2)) as viewer:
        await door.opened.get()
        await viewer.connected.wait()

        assert door.tokens == ["token-1"] * 3


async def test_a_token_that_is_not_valid_any_more_is_replaced_once() -> None:
    door = FakeDoor(401)
    async with running(door, Reception()):
        await door.opened.get()

        assert door.tokens == ["token-1", "token-2"]


@pytest.mark.parametrize("script", [(403,), (401, 401)])
async def test_a_rejection_that_no_token_heals_ends_it(script: tuple[int, ...]) -> None:
    viewer = Viewer(
        FakeDoor(*script), Tokens(), on_message=Reception(), now_ms=lambda: NOW_MS, sleep=no_sleep
    )

    with pytest.raises(HandshakeRejectedError) as rejected:
        await viewer.run()

    assert rejected.value.status == script[-1]


def ended(reason: str) -> dict[str, str]:
    sent_at = "2026-11-24T08:01:00.004Z"
    return {"type": "ended", "delivery_id": "D-1", "reason": reason, "sent_at": sent_at}


async def test_an_expired_token_leads_to_a_new_socket_with_a_fresh_one() -> None:
    door, reports = FakeDoor(), Reception()
    async with running(door, reports) as viewer:
        await viewer.track("D-1")
        first = await door.opened.get()
        first.push(ended("token_expired"))
        second = await door.opened.get()
        await second.until_sent(1)

        assert door.tokens == ["token-1", "token-2"]
        assert second.sent[0]["delivery_id"] == "D-1"


@pytest.mark.parametrize(
    "last_word",
    [
        ended("no_longer_yours"),
        {"type": "error", "delivery_id": "D-1", "reason": "not_found"},
    ],
)
async def test_what_is_no_longer_shown_is_not_tracked_again(last_word: dict[str, str]) -> None:
    door, reports = FakeDoor(), Reception()
    async with running(door, reports) as viewer:
        await viewer.track("D-1")
        await viewer.track("D-2")
        first = await door.opened.get()
        first.push(last_word)
        await reports.until(1)
        first.drop()
        second = await door.opened.get()
        await second.until_sent(1)

        assert [sent["delivery_id"] for sent in second.sent] == ["D-2"]


async def test_every_message_is_reported_with_its_time_and_what_is_new_in_it() -> None:
    door, reports = FakeDoor(), Reception()
    async with running(door, reports) as viewer:
        await viewer.track("D-1")
        socket = await door.opened.get()
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


async def test_a_broken_message_is_reported_and_does_no_harm() -> None:
    door, reports = FakeDoor(), Reception()
    async with running(door, reports) as viewer:
        await viewer.track("D-1")
        socket = await door.opened.get()
        socket.push("{")
        socket.push({"type": "status", "delivery_id": "D-1"})
        socket.push(position(5))
        await reports.until(3)

    assert [received.problem is not None for received in reports.messages] == [True, True, False]


async def test_a_viewer_with_too_many_sockets_waits_before_the_next_one() -> None:
    door, reports, slept_s = FakeDoor(), Reception(), []

    async def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        await asyncio.sleep(0)

    viewer = Viewer(door, Tokens(), on_message=reports, now_ms=lambda: NOW_MS, sleep=sleep)
    task = asyncio.create_task(viewer.run())
    first = await door.opened.get()
    first.push({"type": "error", "reason": "too_many"})
    await reports.until(1)
    first.drop()
    second = await door.opened.get()
    second.drop()
    await door.opened.get()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert slept_s[0] >= TOO_MANY_WAIT_S > slept_s[1]
