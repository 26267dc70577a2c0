"""(e2) Rounds while the gateway pushes back, beside rounds to the same viewers while it doesn't.

100,000 viewers at 3,333 first attempts per second: 30 % of the connections respond to each message
with 429 once or twice before they accept it, 10 % never respond, and some rights to view end while
the last round posts. Measured by elapsed time, so the machine must have two free processors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.pushing_back_server import pushing_back_server
from sim.setup.places import PROJECT

VIEWERS = 100_000
ROUNDS = 4
"""The first two rounds try every connection that hangs; the last one is compared."""
CLEAN = "the same round, the gateway taking everything"


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    viewers = 600 if quick else VIEWERS
    clean, _ = _measure(viewers, 2, bad=False)
    bad, late_s = _measure(viewers, 3 if quick else ROUNDS, bad=True)
    for number, held in enumerate(bad):
        into = held["into_s"]
        print_line(
            f"round {number + 1}: healthy {into['healthy_delivered']:,.0f} of "
            f"{into['healthy_due']:,.0f}, p99 {into['healthy_p99_s']:.1f} s, last "
            f"{into['healthy_last_s']:.1f} s; slow {into['slow_delivered']:,.0f} of "
            f"{into['slow_due']:,.0f}, last {into['slow_last_s']:.1f} s; "
            f"{held['quarantined']:,} left in quarantine; {held['lasted_s']:.1f} s, "
            f"{held['cpu_s']:.1f} s of CPU, {held['peak_mb']:.0f} MB"
        )
    last, last_clean = bad[-1], clean[-1]
    print_line(
        f"the last round without the bad: p99 {last_clean['into_s']['healthy_p99_s']:.1f} s, "
        f"{last_clean['cpu_s']:.1f} s of CPU"
    )
    yield beside(
        "round_under_429",
        last["into_s"]["healthy_p99_s"],
        "s until 99 % of the healthy have their message",
        CLEAN,
        last_clean["into_s"]["healthy_p99_s"],
    )
    for kind in ("healthy", "slow"):
        received = sum(held["into_s"][f"{kind}_delivered"] for held in bad)
        due = sum(held["into_s"][f"{kind}_due"] for held in bad)
        yield Figure(
            name=f"round_under_429.{kind}_delivered",
            value=100 * received / due,
            unit="% of all rounds",
        )
    yield Figure(
        name="round_under_429.longest_gap", value=_longest_gap_s(bad), unit="s, of the healthy"
    )
    yield Figure(
        name="round_under_429.after_its_right",
        value=late_s,
        unit="s after a right ended, its last position",
    )
    yield beside(
        "round_under_429.memory", last["peak_mb"], "MB at the peak", CLEAN, last_clean["peak_mb"]
    )


def _longest_gap_s(rounds: list[Mapping[str, Any]]) -> float:
    """The longest possible gap between two updates of a viewer.

    It lasts from the start of a round, when the fastest viewer may have received it, to the last
    receipt in the next round; where a healthy viewer got nothing in that, to the one after it.
    """
    gap_s = 0.0
    for into in (held["into_s"] for held in rounds):
        is_whole = into["healthy_delivered"] >= into["healthy_due"]
        gap_s = max(gap_s, (60.0 if is_whole else 120.0) + float(into["healthy_last_s"]))
    return gap_s


def _measure(viewers: int, rounds: int, *, bad: bool) -> tuple[list[Mapping[str, Any]], float]:
    """The rounds, and how long after the end of a right to view a position was last written."""
    with pushing_back_server(bad=bad) as (url, shown_at_s):
        done = subprocess.run(
            [sys.executable, "-m", "bench.pushed_back_process", str(viewers), str(rounds), url],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise CannotMeasureError(done.stderr.strip().splitlines()[-1])
    held: list[Mapping[str, Any]] = json.loads(done.stdout)["rounds"]
    revoked_at_s = {int(number): at_s for number, at_s in held[-1]["revoked_at_s"].items()}
    late_s = [
        shown_at_s[number] - at_s for number, at_s in revoked_at_s.items() if number in shown_at_s
    ]
    return held, max(0.0, *late_s)


BENCHMARK = Benchmark(name="round_under_429", title="rounds while the gateway pushes back", run=run)
