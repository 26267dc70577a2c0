"""Rounds while the gateway pushes back, in turn with rounds while it accepts everything.

100,000 viewers at 3,333 first attempts per second: 30 % of the connections respond to each message
with 429 once or twice before they accept it, 10 % never respond, and in each round some rights to
view end while it posts. Two broadcasters take turns: a round to a gateway that accepts everything,
then a round to one that pushes back. So the rounds of each are at least half a minute apart, and
other load on the machine slows both down. Measured by elapsed time, so the machine must have two
free processors.

Most figures have a limit; `python -m bench` then ends with exit code 3 if one is exceeded.
"""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.figures import Benchmark, Figure, PrintLine, beside
from bench.line_process import LineProcess

VIEWERS: Final = 100_000
ROUND_S: Final = 30.0
"""Duration of all first attempts, at the rate."""
TURNS: Final = 5
LEARNING: Final = 2
"""Rounds that try every connection that hangs; then all of these are in quarantine."""

MAX_RATIO: Final = 1.1
MAX_GAP_S: Final = 75.0
MAX_RIGHT_AGE_S: Final = 2.1
"""2 s from reading a right to the write, and 0.1 s until the server has read the message."""
MAX_GROWTH: Final = 1.1
CLEAN: Final = "clean rounds, in turn"


@dataclass(frozen=True)
class RoundResults:
    """The rounds of one broadcaster.

    Attributes:
        rounds: What `bench.pushed_back_process` printed, in order.
        noted: What `bench.pushing_back_server` noted until the end of the last one.
    """

    rounds: Sequence[Mapping[str, Any]]
    noted: Mapping[str, Any]

    def p99_s(self, first: int, end: int | None = None) -> list[float]:
        """The time until 99 % of the healthy had their message, of some of the rounds."""
        return [float(one["healthy_p99_s"]) for one in self.rounds[first:end]]

    @property
    def shown_after_end_s(self) -> float:
        """The longest time from the end of a right to the arrival of a position."""
        shown_at_s = self.noted["shown_at_s"]
        after_s: list[float] = [
            shown_at_s[number] - at_s
            for one in self.rounds
            for number, at_s in one["revoked_at_s"].items()
            if number in shown_at_s
        ]
        return max([0.0, *after_s])


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    viewers, round_s, turns = (300, 2.0, 3) if quick else (VIEWERS, ROUND_S, TURNS)
    clean, bad = _alternate(viewers, round_s, turns, print_line)
    yield from figures_of(clean, bad)


def figures_of(clean: RoundResults, bad: RoundResults) -> Iterator[Figure]:
    """The figures of two broadcasters' rounds."""
    yield beside(
        "round_under_429",
        statistics.median(bad.p99_s(LEARNING)),
        "s until 99 % of the healthy have their message",
        CLEAN,
        statistics.median(clean.p99_s(LEARNING)),
    )
    for name, rounds in (("", slice(LEARNING, None)), (".learning", slice(LEARNING))):
        pairs = zip(bad.p99_s(0)[rounds], clean.p99_s(0)[rounds], strict=True)
        yield Figure(
            name=f"round_under_429.ratio{name}",
            value=statistics.median(of_bad / of_clean for of_bad, of_clean in pairs),
            unit="times the clean round before it" + (", first rounds" if name else ", median"),
            at_most=None if name else MAX_RATIO,
        )
    for kind in ("healthy", "slow"):
        due, delivered = (sum(one[f"{kind}_{of}"] for one in bad.rounds) for of in _DUE)
        yield Figure(
            name=f"round_under_429.{kind}_missed",
            value=due - delivered,
            unit=f"of {due:,} messages, all rounds",
            at_most=0.0 if kind == "healthy" else None,
        )
    yield Figure(
        name="round_under_429.healthy_last",
        value=max(one["healthy_last_s"] for one in bad.rounds),
        unit="s into its round, the last of the healthy",
        at_most=MAX_GAP_S,
    )
    yield Figure(
        name="round_under_429.longest_gap",
        value=bad.rounds[-1]["healthy_gap_s"],
        unit="s between two messages, of the healthy",
        at_most=MAX_GAP_S,
    )
    yield Figure(
        name="round_under_429.right_age",
        value=max(of.noted["oldest_right_s"] for of in (clean, bad)),
        unit="s from reading a right to a message's arrival",
        at_most=MAX_RIGHT_AGE_S,
    )
    yield Figure(
        name="round_under_429.after_its_end",
        value=max(of.shown_after_end_s for of in (clean, bad)),
        unit=f"s after a right ended, its last position; {_revoked(bad):,} ended",
        at_most=MAX_RIGHT_AGE_S,
    )
    first, last = bad.rounds[0]["peak_mb"], bad.rounds[-1]["peak_mb"]
    yield beside(
        "round_under_429.memory", last, "MB at the peak", CLEAN, clean.rounds[-1]["peak_mb"]
    )
    yield Figure(
        name="round_under_429.memory_growth",
        value=last / first,
        unit=f"times the first round's peak, {first:.0f} MB",
        at_most=MAX_GROWTH,
    )


_DUE: Final = ("due", "delivered")


def _revoked(turns: RoundResults) -> int:
    return sum(len(one["revoked_at_s"]) for one in turns.rounds)


def _alternate(
    viewers: int, round_s: float, turns: int, print_line: PrintLine
) -> tuple[RoundResults, RoundResults]:
    """A clean round, a bad one, a clean one, and so on."""
    kinds = ("clean", "bad")
    rounds: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in kinds}
    with contextlib.ExitStack() as stack:
        servers = {
            kind: stack.enter_context(LineProcess("bench.pushing_back_server", kind))
            for kind in kinds
        }
        broadcasters = {
            kind: stack.enter_context(
                LineProcess(
                    "bench.pushed_back_process",
                    *(str(viewers), str(round_s)),
                    f"http://127.0.0.1:{int(server.line())}",
                )
            )
            for kind, server in servers.items()
        }
        for turn in range(turns):
            for kind, broadcaster in broadcasters.items():
                broadcaster.print_line(f"{turn} {turns}")
                rounds[kind].append(json.loads(broadcaster.line()))
                print_line(f"{kind} round {turn + 1}: {_text_of(rounds[kind][-1])}")
        noted = {}
        for kind, server in servers.items():
            server.print_line("")
            noted[kind] = json.loads(server.line())
    clean, bad = (RoundResults(rounds[kind], noted[kind]) for kind in kinds)
    return clean, bad


def _text_of(held: Mapping[str, Any]) -> str:
    return (
        f"healthy {held['healthy_delivered']:,} of {held['healthy_due']:,}, "
        f"p99 {held['healthy_p99_s']:.1f} s, last {held['healthy_last_s']:.1f} s; "
        f"slow {held['slow_delivered']:,} of {held['slow_due']:,}, "
        f"last {held['slow_last_s']:.1f} s; {held['hung']:,} hung, {held['quarantined']:,} left "
        f"in quarantine; {held['lasted_s']:.1f} s, {held['cpu_s']:.1f} s of CPU, peak "
        f"{held['peak_mb']:.0f} MB"
    )


BENCHMARK = Benchmark(name="round_under_429", title="rounds while the gateway pushes back", run=run)
