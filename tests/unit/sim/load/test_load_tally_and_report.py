"""What is counted for many sockets, and which figures are reported as problems."""

from __future__ import annotations

from typing import Any

import pytest

from sim.load.report import Limits, LoadReport, sum_up
from sim.load.tally import SocketTally, Tally
from sim.viewers.receiver import Received

START_MS = 1_795_504_368_000
POSITION_AT = "2026-11-24T06:52:47.000Z"
POSITION_AT_MS = 1_795_503_167_000
NO_LIMITS = Limits(max_errors=None, max_gap_s=None)


def message(kind: str, at_ms: int, **fields: Any) -> Received:
    document = {"type": kind, "delivery_id": "D-1", **fields}
    return Received(document, at_ms)


def opened(tally: Tally, at_ms: int = START_MS, took_s: float = 0.1) -> SocketTally:
    socket = tally.add_socket(("D-1",))
    tally.connected(socket, at_ms, took_s)
    return socket


def with_snapshot(tally: Tally, at_ms: int = START_MS) -> SocketTally:
    socket = opened(tally, at_ms)
    tally.count_message(socket, message("snapshot", at_ms))
    return socket


def report(tally: Tally, now_ms: int = START_MS, lags_s: tuple[float, ...] = ()) -> LoadReport:
    return sum_up(tally, now_ms=now_ms, elapsed_s=1.0, points_accepted=7, lags_s=lags_s)


def test_the_age_of_a_position_is_measured_from_its_fix_to_its_receipt() -> None:
    tally = Tally()
    socket = opened(tally, POSITION_AT_MS)
    new = Received(
        {"type": "position", "delivery_id": "D-1", "position_at": POSITION_AT},
        POSITION_AT_MS + 1_250,
        new_position=True,
    )
    known = Received(dict(new.message), POSITION_AT_MS + 9_000)

    tally.count_message(socket, new)
    tally.count_message(socket, known)

    assert tally.ages_s == [1.25]
    assert tally.messages == {"position": 2}


def test_gaps_begin_when_the_socket_opens_and_include_the_silence_at_the_end() -> None:
    tally = Tally()
    socket = opened(tally)
    for at_ms in (START_MS + 1_000, START_MS + 4_000):
        tally.count_message(socket, message("position", at_ms))

    spread = report(tally, now_ms=START_MS + 24_000).gap

    assert tally.gaps_s == [1.0, 3.0]
    assert (spread.p50_s, spread.p99_s, spread.max_s) == (1.0, 3.0, 20.0)


def test_a_socket_that_never_receives_a_message_has_a_gap() -> None:
    tally = Tally()
    opened(tally)

    assert report(tally, now_ms=START_MS + 80_000).gap.max_s == 80.0


def test_a_gap_continues_across_a_new_connection() -> None:
    tally = Tally()
    socket = opened(tally)
    tally.disconnected()
    tally.connected(socket, START_MS + 30_000, 0.2)
    tally.count_message(socket, message("snapshot", START_MS + 31_000))

    assert tally.gaps_s == [31.0]
    assert tally.open_now == 1
    assert report(tally).connected == 1


def test_errors_are_counted_by_kind() -> None:
    tally = Tally()
    socket = opened(tally)
    tally.failed("lost")
    tally.count_message(socket, Received({}, START_MS, problem="not JSON"))
    tally.count_message(socket, message("error", START_MS, reason="not_found"))
    tally.count_message(socket, message("ended", START_MS, reason="cancelled"))
    tally.count_message(socket, message("position", START_MS, delivery_id="D-2"))
    tally.count_message(socket, message("pong", START_MS))

    assert tally.errors == {
        "lost": 1,
        "broken_message": 1,
        "error_not_found": 1,
        "ended_cancelled": 1,
        "foreign_message": 1,
    }


def test_a_report_without_problems_is_ok() -> None:
    tally = Tally()
    with_snapshot(tally)
    result = report(tally)

    assert result.problems(Limits()) == []
    assert result.to_json([])["ok"] is True


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (Limits(max_connect_p99_s=0.05), "connecting (p99) is 0.10 s; the limit is 0.05 s"),
        (Limits(max_snapshot_p99_s=1.9), "the wait for the snapshot (p99) is 2.00 s"),
        (Limits(max_gap_s=1.9), "the longest gap is 2.00 s"),
        (Limits(max_age_p99_s=5.0), "the age of positions (p99) is unknown"),
        (Limits(max_errors=0), "1 errors; the limit is 0"),
    ],
)
def test_a_value_beyond_a_limit_is_a_problem(limits: Limits, problem: str) -> None:
    tally = Tally()
    socket = opened(tally)
    tally.count_message(socket, message("snapshot", START_MS + 2_000))
    tally.failed("lost")
    result = report(tally, START_MS + 2_000)

    found = result.problems(limits)

    assert any(one.startswith(problem) for one in found), found
    assert result.problems(NO_LIMITS) == []
    assert result.to_json(found)["ok"] is False


def test_sockets_never_opened_closed_early_or_without_a_snapshot_are_always_problems() -> None:
    tally = Tally()
    with_snapshot(tally)
    opened(tally)
    tally.add_socket(("D-1",))
    tally.disconnected()

    assert report(tally).problems(NO_LIMITS) == [
        "only 2 of 3 sockets were opened",
        "1 open sockets never got a snapshot",
        "1 sockets were not open at the end",
    ]


def test_the_report_has_a_warning_when_the_client_itself_was_late() -> None:
    assert report(Tally(), lags_s=(0.01, 0.02)).warning is None
    warning = report(Tally(), lags_s=(0.01, 3.0)).warning

    assert warning is not None
    assert "3.0 s late" in warning


def test_the_json_output_has_null_for_missing_values() -> None:
    document = report(Tally()).to_json(["x"])

    assert document["age_p99_s"] is None
    assert document["points_accepted"] == 7
    assert document["problems"] == ["x"]
