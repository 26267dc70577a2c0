"""Display of a running load test: a table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table

from sim.load.report import CpuUse, LoadReport, Spread
from sim.load.tally import Progress

RECENT = 2_000
"""How many of the newest values the running figures are computed from."""


def rows_of(progress: Progress) -> dict[str, str]:
    """The current figures by name."""
    tally = progress.tally
    connect, age = Spread.of(tally.connect_s[-RECENT:]), Spread.of(tally.ages_s[-RECENT:])
    gap = Spread.of(tally.gaps_s[-RECENT:])
    return {
        "time": _time_of(progress),
        "sockets open": f"{tally.open_now} of {progress.sockets}",
        "points accepted": str(progress.points_accepted),
        "messages": _counts(tally.messages) or "0",
        "connecting": _spread(connect),
        "age of positions": _spread(age),
        "gap between messages": _spread(gap),
        "errors": _counts(tally.errors) or "none",
    }


def table_of(progress: Progress) -> Table:
    """The current figures as a table, for a terminal."""
    table = Table(box=box.SIMPLE, show_header=False, padding=(0, 1, 0, 0))
    for name, value in rows_of(progress).items():
        table.add_row(name, value, style="red" if name == "errors" and value != "none" else "")
    return table


def line_of(progress: Progress) -> str:
    """The current figures as one line, for other outputs."""
    tally = progress.tally
    age = Spread.of(tally.ages_s[-RECENT:])
    return (
        f"{_time_of(progress)}: {tally.open_now} of {progress.sockets} sockets open, "
        f"{tally.messages.total()} messages, age {_spread(age)}, "
        f"errors {_counts(tally.errors) or 'none'}"
    )


def report_lines(report: LoadReport, problems: Sequence[str]) -> list[str]:
    """The final report as lines."""
    rows = {
        "sockets opened": f"{report.connected} of {report.sockets}",
        "still open at the end": str(report.open_at_end),
        "points accepted": str(report.points_accepted),
        "messages": _counts(report.messages) or "0",
        "connecting": _spread(report.connect),
        "first snapshot after": _spread(report.snapshot),
        "age of positions": _spread(report.age),
        "gap between messages": _spread(report.gap),
        "errors": _counts(report.errors) or "none",
    }
    for part, use in report.cpu.items():
        rows[f"CPU of the {part}"] = _cpu(use)
    lines = [f"{name:24}{value}" for name, value in rows.items()]
    if report.unseen:
        lines.append(
            f"not measured: {', '.join(report.unseen)} (not on this machine, or no --run-dir)"
        )
    if report.warning:
        lines.append(f"warning: {report.warning}")
    lines += [f"PROBLEM: {problem}" for problem in problems]
    lines.append("the load test is OK" if not problems else "the load test is NOT OK")
    return lines


def _cpu(use: CpuUse) -> str:
    each = use.us_per_message
    document = f"{each:.0f} µs per message, " if each is not None else ""
    return f"{document}{use.cpu_s:.1f} s while all were held"


def _time_of(progress: Progress) -> str:
    held_s = progress.held_s
    stage = (
        "connecting" if held_s is None else f"all held {held_s:.0f} of {progress.duration_s:.0f} s"
    )
    return f"{progress.elapsed_s:.0f} s, {stage}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))


def _spread(spread: Spread) -> str:
    if spread.p50_s is None or spread.p99_s is None or spread.max_s is None:
        return "-"
    return f"p50 {spread.p50_s:.2f} s, p99 {spread.p99_s:.2f} s, longest {spread.max_s:.2f} s"
