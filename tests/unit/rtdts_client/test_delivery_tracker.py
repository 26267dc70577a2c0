"""The tracker over many hours, on a service that closes sockets and loses messages."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from rtdts_client import DeliveryTracker, Report, Ticket, TicketFailure
from tests.fakes.fake_live_service import FakeLiveService
from tests.support.profile import by_profile
from tests.support.virtual_time import in_virtual_time

HOUR_S = 3600.0
ROUND_S = 60.0
GATEWAY_LIMIT_S = 2 * HOUR_S
HOURS_OF_REPLACEMENTS = by_profile(quick=6, full=12)
MOVES_EVERY_S = 20.0
"""Only the last one before a message is reported."""
STATUSES = ("en_route_to_pickup", "at_pickup", "in_transit", "nearby")


@dataclass
class Followed:
    """A running tracker and what it reported."""

    service: FakeLiveService
    reports: list[Report] = field(default_factory=list)
    tracker: DeliveryTracker = field(init=False)
    running: asyncio.Task[str] = field(init=False)

    @property
    def last(self) -> Report:
        return self.reports[-1]

    @property
    def versions(self) -> list[int]:
        return [event.version for report in self.reports for event in report.changes.events]


@asynccontextmanager
async def following(
    service: FakeLiveService,
    *,
    random: Callable[[], float] = lambda: 0.5,
    access: Callable[[], Awaitable[Ticket | TicketFailure]] | None = None,
) -> AsyncIterator[Followed]:
    followed = Followed(service)
    followed.tracker = DeliveryTracker(
        "ws://socket.test/live",
        access or service.access,
        followed.reports.append,
        open_socket=service.open_socket,
        now_ms=service.now_ms,
        random=random,
    )
    followed.running = asyncio.create_task(followed.tracker.run())
    try:
        yield followed
    finally:
        followed.tracker.stop()
        await followed.running
    assert not service.open
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_delivery_is_reported_with_the_time_at_which_it_was_true() -> None:
    async def main() -> None:
        service = FakeLiveService()
        service.move()
        async with following(service) as followed:
            await asyncio.sleep(1)

            assert followed.last.connection == "live"
            assert followed.last.delivery is not None
            assert followed.last.delivery.status == "assigned"
            assert followed.last.position_ms == pytest.approx(followed.last.true_as_of_ms, abs=200)
            assert [socket.url for socket in service.sockets] == [
                "ws://socket.test/live?ticket=t-1"
            ]

    in_virtual_time(main)


def test_a_paused_tracker_has_no_socket_and_resumes_from_its_last_version() -> None:
    async def main() -> None:
        service = FakeLiveService()
        async with following(service) as followed:
            await asyncio.sleep(1)
            followed.tracker.pause()
            await asyncio.sleep(HOUR_S)

            assert not service.open
            assert (service.tickets, followed.last.connection) == (1, "paused")

            service.happen("in_transit")
            followed.tracker.resume()
            await asyncio.sleep(1)

            assert followed.versions == [1, 2]
            assert service.sockets[-1].sent[0]["since_version"] == 1

    in_virtual_time(main)


def test_a_ticket_that_arrives_after_a_pause_opens_no_socket() -> None:
    async def main() -> None:
        service = FakeLiveService()

        async def slow() -> Ticket | TicketFailure:
            await asyncio.sleep(2)
            return await service.access()

        async with following(service, access=slow) as followed:
            await asyncio.sleep(1)
            followed.tracker.pause()
            await asyncio.sleep(5)

            assert (service.sockets, service.tickets) == ([], 0)

    in_virtual_time(main)


def test_a_socket_that_went_silent_is_replaced() -> None:
    async def main() -> None:
        service = FakeLiveService()
        async with following(service) as followed:
            await asyncio.sleep(1)
            service.sockets[0].is_mute = True
            await asyncio.sleep(80)

            assert followed.last.connection == "live"
            assert [socket.is_open for socket in service.sockets] == [False, True]

    in_virtual_time(main)


def test_a_connection_that_responds_to_a_check_is_kept() -> None:
    async def main() -> None:
        service = FakeLiveService()
        async with following(service) as followed:
            await asyncio.sleep(1)
            followed.tracker.check()
            await asyncio.sleep(20)

            assert service.sockets[0].sent[-1] == {"action": "ping"}
            assert len(service.sockets) == 1

    in_virtual_time(main)


def test_a_share_that_has_ended_is_not_requested_again() -> None:
    async def main() -> None:
        service = FakeLiveService()
        service.rejected = "not_found"
        async with following(service) as followed:
            assert await followed.running == "not_found"

        assert [report.connection for report in followed.reports] == ["ended"]

    in_virtual_time(main)


def test_the_tracker_reconnects_within_20_s_after_hours_of_unavailability() -> None:
    async def main() -> None:
        service = FakeLiveService()
        service.is_unavailable = True
        async with following(service, random=random.Random(7).random) as followed:
            await asyncio.sleep(5 * HOUR_S)  # well over 1,024 attempts
            before = followed.last.connection
            service.is_unavailable = False
            await asyncio.sleep(21)

            assert (before, followed.last.connection) == ("offline", "live")

    in_virtual_time(main)


def test_a_callback_that_raises_ends_the_run_and_leaves_no_socket() -> None:
    async def main() -> None:
        service = FakeLiveService()

        def fail_when_live(report: Report) -> None:
            if report.connection == "live":
                raise RuntimeError("a bug of the application")

        tracker = DeliveryTracker(
            "ws://socket.test/live",
            service.access,
            fail_when_live,
            open_socket=service.open_socket,
            now_ms=service.now_ms,
        )
        with pytest.raises(RuntimeError, match="a bug of the application"):
            await tracker.run()

        assert len(service.sockets) == 1
        assert not service.open

    in_virtual_time(main)


def test_an_access_that_raises_ends_the_run() -> None:
    async def main() -> None:
        async def broken() -> Ticket:
            raise RuntimeError("not as agreed")

        tracker = DeliveryTracker("ws://socket.test/live", broken, lambda _: None)
        with pytest.raises(RuntimeError, match="not as agreed"):
            await tracker.run()

    in_virtual_time(main)


def test_a_run_that_is_cancelled_leaves_no_socket() -> None:
    async def main() -> None:
        service = FakeLiveService()
        tracker = DeliveryTracker(
            "ws://socket.test/live",
            service.access,
            lambda _: None,
            open_socket=service.open_socket,
            now_ms=service.now_ms,
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await tracker.run()

        assert len(service.sockets) == 1
        assert not service.open
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_virtual_time(main)


@asynccontextmanager
async def repeated(wait_s: Callable[[], float], work: Callable[[], object]) -> AsyncIterator[None]:
    async def repeat() -> None:
        while True:
            await asyncio.sleep(wait_s())
            work()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def closes_at_random(service: FakeLiveService, rng: random.Random) -> AsyncIterator[None]:
    """All connections are closed at random times, while the truck drives and rounds come."""

    def end_all() -> None:
        for socket in service.open:
            socket.end()

    async with (
        repeated(lambda: 5 + rng.random() * 600, end_all),
        repeated(lambda: MOVES_EVERY_S, service.move),
        repeated(lambda: ROUND_S, service.round),
    ):
        yield


@pytest.mark.parametrize("seed", range(1, by_profile(quick=4, full=9)))
def test_nothing_is_missed_or_reported_twice_in_6_hours_of_random_closes(seed: int) -> None:
    async def main() -> Followed:
        rng = random.Random(seed)
        service = FakeLiveService(seed=seed, noise=0.05)
        async with following(service, random=rng.random) as followed:
            async with (
                closes_at_random(service, rng),
                repeated(
                    lambda: 60 + rng.random() * 900, lambda: service.happen(rng.choice(STATUSES))
                ),
            ):
                await asyncio.sleep(6 * HOUR_S)
            for _ in range(3):
                service.round()
                await asyncio.sleep(ROUND_S)
        return followed

    followed = in_virtual_time(main)

    assert len(followed.service.sockets) > 50
    assert sorted(followed.versions) == [event["version"] for event in followed.service.events]
    shown = [
        report.delivery.position_at
        for report in followed.reports
        if report.changes.position and report.delivery and report.delivery.position_at
    ]
    assert shown == sorted(set(shown))
    assert len(shown) > 300


def test_without_lost_messages_random_closes_add_at_most_2_s_to_the_gap_between_rounds() -> None:
    async def main() -> Followed:
        rng = random.Random(11)
        service = FakeLiveService(seed=11)
        async with (
            following(service, random=rng.random) as followed,
            closes_at_random(service, rng),
        ):
            await asyncio.sleep(6 * HOUR_S)
        return followed

    followed = in_virtual_time(main)

    received_ms = [report.true_as_of_ms for report in followed.reports if report.true_as_of_ms]
    gaps_s = [(after - before) / 1000 for before, after in pairwise(received_ms)]
    assert max(gaps_s) <= ROUND_S + 2


def test_each_connection_is_replaced_without_a_gap_before_the_gateways_limit_ends_it() -> None:
    async def main() -> Followed:
        service = FakeLiveService(seed=3)
        rng = random.Random(3)

        def end_old_ones() -> None:
            for socket in service.open:
                if service.now_ms() - socket.opened_ms >= GATEWAY_LIMIT_S * 1000:
                    socket.end()
                    ended.append(socket.url)

        ended: list[str] = []
        async with following(service, random=rng.random) as followed:
            await asyncio.sleep(1)
            connected = len(followed.reports)
            async with (
                repeated(lambda: MOVES_EVERY_S, service.move),
                repeated(lambda: ROUND_S, service.round),
                repeated(lambda: 20, end_old_ones),
            ):
                await asyncio.sleep(HOURS_OF_REPLACEMENTS * HOUR_S)

            assert not ended
            assert {report.connection for report in followed.reports[connected:]} == {"live"}
        return followed

    followed = in_virtual_time(main)

    assert len(followed.service.sockets) == 1 + HOURS_OF_REPLACEMENTS // 2
