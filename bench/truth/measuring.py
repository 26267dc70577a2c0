"""Runs every contestant over the drives of one part, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bench.truth import eta, jumps, live, our_eta, through_consumer
from bench.truth.contestants import CONTESTANTS
from bench.truth.drives import Drive
from bench.truth.outcomes import Outcome, outcome_of

SHOWN_BY = {
    "ours": jumps.of_ours,
    "newest": jumps.of_the_newest,
    "as_it_comes": jumps.of_each_as_it_comes,
}
ESTIMATORS: dict[str, eta.Estimator] = {
    "ours": our_eta.OurEta().estimate,
    "naive": eta.naive,
    "naive_90": eta.naive_90,
}


@dataclass(frozen=True)
class Measured:
    """All measurements of one drive."""

    drive: Drive
    outcomes: dict[str, Outcome]
    jumps: dict[str, jumps.Jumps]
    is_misled: bool | None
    """None where no point was late."""
    moments: dict[str, list[eta.Moment]] = field(default_factory=dict)


def measure(drives: Iterable[Drive], print_line: Callable[[str], None]) -> list[Measured]:
    """Measures all drives; reports progress now and then."""
    measured = []
    for number, drive in enumerate(drives, start=1):
        measured.append(_measured(drive))
        if number % 50 == 0:
            print_line(f"{number} drives")
    return measured


def _measured(drive: Drive) -> Measured:
    rows = list(eta.moments_of(drive, list(ESTIMATORS.values())))
    claims = {name: claim(drive) for name, claim in CONTESTANTS.items()}
    if drive.case in through_consumer.CASES:
        claims["consumer"] = through_consumer.arrived_s(drive)
    return Measured(
        drive=drive,
        outcomes={name: outcome_of(claimed_s, drive.truth) for name, claimed_s in claims.items()},
        jumps={name: count(drive) for name, count in SHOWN_BY.items()},
        is_misled=live.is_misled(drive),
        moments={name: [row[n] for row in rows] for n, name in enumerate(ESTIMATORS)},
    )
