"""What a customer is shown while points still arrive: claims that later points revoke."""

from __future__ import annotations

from bench.truth import ours
from bench.truth.drives import Drive
from bench.truth.outcomes import outcome_of

MAX_LOOKS = 40
"""Maximum number of looks at one drive: each folds all points received by then."""


def looks_at(drive: Drive) -> list[int]:
    """After how many requests to look: those that hold a point older than one that came before."""
    newest_ms, late = 0, []
    for number, (_, points) in enumerate(drive.requests, start=1):
        if any(point.event_at_ms < newest_ms for point in points):
            late.append(number)
        newest_ms = max(newest_ms, *(point.event_at_ms for point in points))
    if not late:
        return []
    first = late[0] - 1  # what was known just before the first late point
    step = max(1, len(late) // MAX_LOOKS)
    return [first, *late[::step]] if first else late[::step]


def is_misled(drive: Drive) -> bool | None:
    """Whether a false arrival was shown at some time; None if no point was late."""
    looks = looks_at(drive)
    if not looks:
        return None
    for number in looks:
        known = [point for _, points in drive.requests[:number] for point in points]
        outcome = outcome_of(ours.arrived_s(drive, known), drive.truth)
        if outcome.is_claimed and not outcome.is_right:
            return True
    return False
