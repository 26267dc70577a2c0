"""The display of a running load test, and its final report."""

from __future__ import annotations

from rich.console import Console

from sim.load.report import CpuUse, LoadReport, sum_up
from sim.load.tally import Progress, Tally
from sim.load.view import RECENT, line_of, report_lines, rows_of, table_of


def tally_of(*, open_now: int = 0, ages_s: tuple[float, ...] = ()) -> Tally:
    tally = Tally(open_now=open_now)
    tally.ages_s.extend(ages_s)
    return tally


def progress_of(tally: Tally, *, held_s: float | None = None) -> Progress:
    return Progress(
        sockets=100,
        duration_s=300.0,
        elapsed_s=41.7,
        held_s=held_s,
        points_accepted=7,
        tally=tally,
    )


def shown(progress: Progress) -> str:
    console = Console(width=120, record=True)
    console.print(table_of(progress))
    return console.export_text(styles=True)


def report_of(cpu: dict[str, CpuUse] | None) -> LoadReport:
    return sum_up(Tally(), now_ms=0, elapsed_s=1.0, points_accepted=0, lags_s=(), cpu=cpu)


def test_the_display_shows_connecting_until_all_sockets_are_connected() -> None:
    rows = rows_of(progress_of(tally_of(open_now=12)))

    assert rows == {
        "time": "42 s, connecting",
        "sockets open": "12 of 100",
        "points accepted": "7",
        "messages": "0",
        "connecting": "-",
        "age of positions": "-",
        "gap between messages": "-",
        "errors": "none",
    }


def test_once_all_sockets_are_connected_the_display_shows_time_and_messages() -> None:
    tally = tally_of(open_now=100, ages_s=(0.5, 1.0, 2.5))
    tally.connect_s.append(0.25)
    tally.gaps_s.extend((59.0, 61.0))
    tally.messages.update({"snapshot": 100, "position": 250})

    rows = rows_of(progress_of(tally, held_s=20.2))

    assert rows["time"] == "42 s, all held 20 of 300 s"
    assert rows["messages"] == "position 250, snapshot 100"
    assert rows["connecting"] == "p50 0.25 s, p99 0.25 s, longest 0.25 s"
    assert rows["age of positions"] == "p50 1.00 s, p99 2.50 s, longest 2.50 s"
    assert rows["gap between messages"].endswith("longest 61.00 s")


def test_the_display_uses_only_the_newest_values() -> None:
    tally = tally_of(ages_s=(99.0, *[1.0] * RECENT))

    assert rows_of(progress_of(tally))["age of positions"].endswith("longest 1.00 s")


def test_the_table_has_every_row_and_errors_in_red() -> None:
    tally = tally_of(open_now=3)
    tally.errors["lost"] = 2

    without, text = shown(progress_of(tally_of())), shown(progress_of(tally))
    for name, value in rows_of(progress_of(tally)).items():
        assert name in text
        assert value in text
    assert "\x1b[31m" in text, "red"
    assert "\x1b[31m" not in without


def test_the_line_has_the_same_values_in_short_form() -> None:
    tally = tally_of(open_now=98, ages_s=(1.0,))
    tally.messages.update({"position": 5, "snapshot": 2})
    tally.errors["lost"] = 2

    assert line_of(progress_of(tally, held_s=1.0)) == (
        "42 s, all held 1 of 300 s: 98 of 100 sockets open, 7 messages, "
        "age p50 1.00 s, p99 1.00 s, longest 1.00 s, errors lost 2"
    )


def test_the_report_of_a_remote_system_lists_the_parts_whose_cpu_was_not_measured() -> None:
    report = report_of(cpu=None)

    assert report.to_json([])["unseen"] == ["the CPU of the broadcaster", "the CPU of the gateway"]
    assert report.to_json([])["cpu_us_per_message"] == {}
    lines = report_lines(report, [])
    assert (
        "not measured: the CPU of the broadcaster, the CPU of the gateway "
        "(not on this machine, or no --run-dir)"
    ) in lines
    assert not any(line.startswith("CPU of") for line in lines)


def test_the_report_of_a_local_system_lists_no_part_as_not_measured() -> None:
    use = CpuUse(cpu_s=0.5, messages=1_000)
    report = report_of({"broadcaster": use, "gateway": use})

    assert report.to_json([])["unseen"] == []
    assert not any("not measured" in line for line in report_lines(report, []))


def test_the_last_line_says_whether_there_were_problems() -> None:
    report = report_of(cpu=None)

    assert report_lines(report, [])[-1] == "the load test is OK"
    assert report_lines(report, ["late"])[-2:] == ["PROBLEM: late", "the load test is NOT OK"]
