"""The broadcaster's rounds, counted in its log: a slow machine may run fewer of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sim.drive.customer_log import Gap
from sim.local_cloud.launch import LaunchedCloud
from tests.support.parts import reported
from tests.support.system_settings import ROUND_INTERVAL_S
from tests.support.waiting import eventually

ENOUGH_STEPS = 2
MAY_BE_MISSED = 2
"""How many complete rounds may be in a gap between two messages. One can occur without any loss: if
a message is late on a slow machine, or a right could not be read within its 2 s and so was not
used. An outage of 30 s without any message has three."""


@dataclass(frozen=True)
class CompletedRound:
    """A round that was run, from its beginning to its last response.

    Attributes:
        began_at_ms, ended_at_ms: When it began and ended.
        step_s: The time from the round before it to this one, without the intervals that were
            skipped between them because a round lasted too long. None for the first round of a
            broadcaster, which is run at once.
    """

    began_at_ms: int
    ended_at_ms: int
    step_s: float | None


def completed_rounds(cloud: LaunchedCloud, *, since_ms: int) -> list[CompletedRound]:
    """Returns the rounds that have ended since then."""
    events = [
        *reported(cloud, "broadcaster", "broadcaster_ready", since_ms=since_ms),
        *reported(cloud, "broadcaster", "round_done", since_ms=since_ms),
    ]
    rounds: list[CompletedRound] = []
    last_ms: int | None = None
    for line in sorted(events, key=lambda line: line["at_ms"]):
        if line["event"] == "broadcaster_ready":
            last_ms = None
            continue
        began_ms = line["started_at_ms"]
        step_s = (began_ms - last_ms) / 1000 / (1 + line["skipped"]) if last_ms else None
        rounds.append(CompletedRound(began_ms, line["at_ms"], step_s))
        last_ms = began_ms
    return rounds


def missed_rounds(gap: Gap, rounds: Sequence[CompletedRound]) -> int:
    """Returns how many rounds were run from beginning to end without a message for a customer."""
    return sum(gap.from_ms <= one.began_at_ms and one.ended_at_ms <= gap.to_ms for one in rounds)


def shortest_step_s(cloud: LaunchedCloud, *, since_ms: int) -> float:
    """Waits for several rounds, and returns the shortest time from one to the next.

    A slow machine begins a round late, and the next one earlier by as much: in any case, the
    shortest step is no longer than the interval.
    """

    def look() -> list[float] | None:
        rounds = completed_rounds(cloud, since_ms=since_ms)
        # The round after a broadcaster's first one may begin at any time.
        steps_s = [
            after.step_s
            for before, after in itertools.pairwise(rounds)
            if before.step_s is not None and after.step_s is not None
        ]
        return steps_s if len(steps_s) >= ENOUGH_STEPS else None

    return min(eventually(look))


def assert_rounds_reach(
    cloud: LaunchedCloud,
    gaps: Mapping[str, Sequence[Gap]],
    print_line: Callable[[str], None],
    *,
    since_ms: int,
) -> None:
    """Checks that there is a round every interval, with a message for each customer.

    Silence is counted in rounds: while none was run, because the broadcaster was down or the
    machine slow, there was no message to receive.

    Args:
        cloud: The local cloud with the broadcaster.
        gaps: The gaps of each customer.
        print_line: Prints the measured values.
        since_ms: When the first of these gaps began, or earlier.
    """
    step_s = shortest_step_s(cloud, since_ms=since_ms)
    rounds = completed_rounds(cloud, since_ms=since_ms)
    missed = {
        customer: max(missed_rounds(gap, rounds) for gap in of) for customer, of in gaps.items()
    }
    print_line(f"{len(rounds)} rounds, the shortest time between two {step_s:.1f} s")
    print_line(f"rounds without a message, at most: {missed}")

    assert step_s < 2 * ROUND_INTERVAL_S
    assert {customer: count for customer, count in missed.items() if count > MAY_BE_MISSED} == {}
