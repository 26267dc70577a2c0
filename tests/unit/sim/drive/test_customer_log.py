"""Messages from a socket are sorted: own, foreign, rejected, broken."""

import asyncio
from typing import Any

from rtdts.tracking.deliveries import Status
from rtdts.tracking.instants import parse_instant
from sim.drive.customer_log import CustomerLog
from sim.viewers.receiver import Received
from tests.support.viewer_messages import position, status

RECEIVED_MS = parse_instant("2026-11-24T07:00:07.500Z")


def receive(log: CustomerLog, *messages: dict[str, Any], new_position: bool = False) -> None:
    for message in messages:
        log.receive(Received(message, RECEIVED_MS, new_position=new_position))


def test_a_position_is_kept_with_its_age_at_the_socket() -> None:
    log = CustomerLog("C-1", own=("D-1",))
    receive(log, position(5), new_position=True)

    (shown,) = log.positions
    assert shown.age_s == 2.5
    assert log.last_position_at_ms == shown.position_at_ms
    assert log.messages == 1


def test_a_repeated_position_counts_as_a_message_but_not_as_a_position() -> None:
    log = CustomerLog("C-1", own=("D-1",))
    receive(log, position(5))

    assert (log.messages, log.positions) == (1, [])


def test_statuses_are_read_from_every_kind_of_message() -> None:
    log = CustomerLog("C-1", own=("D-1",))
    snapshot = {**position(5, type="snapshot"), "events": [{"status": "assigned", "version": 1}]}
    receive(log, snapshot, status(4, "nearby"))

    assert log.statuses["D-1"] == {Status.ASSIGNED, Status.IN_TRANSIT, Status.NEARBY}
    assert log.saw("D-1", Status.NEARBY)
    assert not log.saw("D-2", Status.NEARBY)


def test_any_message_about_anothers_delivery_is_foreign() -> None:
    log = CustomerLog("C-1", own=("D-2",))
    receive(log, position(5), status(1, "assigned"))
    receive(log, {"type": "ended", "delivery_id": "D-1", "reason": "cancelled"})

    assert len(log.foreign) == 3
    assert log.messages == 0


def test_a_rejection_is_neither_foreign_nor_a_message() -> None:
    log = CustomerLog("C-1", own=())
    receive(log, *[{"type": "error", "delivery_id": "D-1", "reason": "not_found"}] * 2)
    receive(log, {"type": "error", "reason": "bad_request"})

    assert log.rejected == {"D-1": 2}
    assert (log.foreign, log.messages) == ([], 0)


def test_a_broken_message_is_a_problem() -> None:
    log = CustomerLog("C-1", own=("D-1",))
    log.receive(
        Received({"type": "status", "delivery_id": "D-1"}, RECEIVED_MS, problem="lacks status")
    )

    assert (log.problems, log.messages) == (["lacks status"], 0)


def test_gaps_are_the_times_between_messages_and_the_time_since_the_last() -> None:
    log = CustomerLog("C-1", own=("D-1",))
    log.receive(Received(position(5), RECEIVED_MS))
    log.receive(Received({"type": "pong"}, RECEIVED_MS + 1_000))
    log.receive(Received(position(6), RECEIVED_MS + 4_000))

    assert [gap.length_s for gap in log.gaps(RECEIVED_MS + 13_000)] == [4.0, 9.0]
    assert CustomerLog("C-2", own=()).gaps(RECEIVED_MS) == ()


async def test_a_wait_ends_with_the_awaited_message() -> None:
    log = CustomerLog("C-1", own=("D-1",))
    waiting = asyncio.create_task(
        log.wait_until(lambda: log.saw("D-1", Status.ARRIVED), within_s=30)
    )
    await asyncio.sleep(0)
    receive(log, status(4, "nearby"))
    await asyncio.sleep(0)

    assert not waiting.done()

    receive(log, status(5, "arrived"))

    assert await waiting


async def test_a_wait_ends_at_its_timeout_without_the_awaited_message() -> None:
    log = CustomerLog("C-1", own=("D-1",))

    assert not await log.wait_until(lambda: False, within_s=0.01)
