"""Divides a request's points into runs that one clock stamped without a jump in between.

Only the device's times and their order in the request are known. A request is sorted, oldest or
newest first, and a device samples at its own pace: a step between neighbours that neither of these
explains is a jump of the clock. The time of the request's arrival is not used, so the same request
sent again has the same runs.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence

MAX_STEP_MS = 20 * 60_000
"""Neighbours further apart belong to two runs. This exceeds the slowest sampling (15 min), and lets
the steps of 500 points stay within the 7 days that a point may be old."""
JITTER_MS = 30_000
"""Neighbours this close are of one clock in any order: several threads fill a device's buffer."""
USUAL_STEPS = 3
"""A step longer than this many usual ones is unusual."""


def clock_runs(recorded_at_ms: Sequence[int]) -> list[list[int]]:
    """Divides a request's points into runs, each of one clock.

    1. A point is in one run with each of the two points before it in the request, and with the
       nearest in time of the last points of all runs, if that is within ``MAX_STEP_MS`` of it. So a
       run continues after wrong stamps.
    2. Within such a run the clock may have jumped by less. Then the order shows it: the longest
       part in order (oldest or newest first) is one run, cut at its unusual steps; the rest, which
       went ahead and came back, is divided in the same way. A run whose direction changes all the
       time has no order to judge by, and stays whole.
    3. The newest point at the end of a run of three or more is a run by itself if an unusual step
       separates it from the others: there may be a gap or a wrong stamp, and assuming a wrong stamp
       moves fewer points.

    Args:
        recorded_at_ms: The devices' times, in the request's order.

    Returns:
        The indexes of each run's points, ascending; every index is in one run.
    """
    return list(_runs(recorded_at_ms, range(len(recorded_at_ms))))


def _runs(times_ms: Sequence[int], places: Sequence[int]) -> Iterator[list[int]]:
    for run in _without_gaps(times_ms, places):
        if _is_in_order(times_ms, run) or _has_no_order(times_ms, run):
            yield from _without_lone_newest(times_ms, run)
            continue
        ordered = _longest_in_order(times_ms, run)
        yield from _cut_at_unusual_steps(times_ms, ordered)
        in_ordered = set(ordered)
        yield from _runs(times_ms, [place for place in run if place not in in_ordered])


def _without_gaps(times_ms: Sequence[int], places: Sequence[int]) -> list[list[int]]:
    run_of: dict[int, list[int]] = {}
    ends: list[tuple[int, int]] = []  # the time and index of the last point of each thread, sorted
    for index, place in enumerate(places):
        at_ms = times_ms[place]
        run_of[place] = [place]
        after = bisect_left(ends, (at_ms, 0))
        nearest = min(
            ends[max(after - 1, 0) : after + 1], key=lambda end: abs(end[0] - at_ms), default=None
        )
        if nearest is not None and abs(nearest[0] - at_ms) <= MAX_STEP_MS:
            ends.remove(nearest)
            _join(run_of, nearest[1], place)
        insort(ends, (at_ms, place))
        for neighbour in places[max(index - 2, 0) : index]:
            if abs(times_ms[neighbour] - at_ms) <= MAX_STEP_MS:
                _join(run_of, neighbour, place)
    distinct = {id(run): run for run in run_of.values()}
    return [sorted(run) for run in distinct.values()]


def _join(run_of: dict[int, list[int]], one: int, other: int) -> None:
    larger, smaller = sorted((run_of[one], run_of[other]), key=len, reverse=True)
    if larger is not smaller:
        larger += smaller
        run_of |= dict.fromkeys(smaller, larger)


def _is_in_order(times_ms: Sequence[int], run: Sequence[int]) -> bool:
    return _only_rises(times_ms, run) or _only_rises(times_ms, run[::-1])


def _only_rises(times_ms: Sequence[int], run: Sequence[int]) -> bool:
    newest_ms = times_ms[run[0]]
    rises = falls = 0  # with the jitter check alone, a few falling points would pass, too
    for before, after in itertools.pairwise(run):
        at_ms = times_ms[after]
        if at_ms < newest_ms - JITTER_MS:
            return False
        newest_ms = max(newest_ms, at_ms)
        rises += at_ms > times_ms[before]
        falls += at_ms < times_ms[before]
    return falls == 0 or rises > falls


def _has_no_order(times_ms: Sequence[int], run: Sequence[int]) -> bool:
    """Returns whether the direction changes more than at every other point.

    A wrong stamp changes it twice.
    """
    steps_ms = [times_ms[after] - times_ms[before] for before, after in itertools.pairwise(run)]
    rises = [step_ms > 0 for step_ms in steps_ms if abs(step_ms) > JITTER_MS]
    reversals = sum(before != after for before, after in itertools.pairwise(rises))
    return reversals > max(2, len(run) // 2)


def _longest_in_order(times_ms: Sequence[int], run: Sequence[int]) -> list[int]:
    """Returns the longest part of a run in either order, with points off it by jitter only."""
    rising = _longest_rising(times_ms, run)
    falling = _longest_rising(times_ms, run[::-1])
    # Of two equally long parts, the one that ends earlier: the other is ahead of it.
    longest = min(rising, falling, key=lambda part: (-len(part), times_ms[part[-1]]))
    ordered = set(longest)
    for direction in (run, run[::-1]):
        for before, after in itertools.pairwise(direction):
            if before in ordered and abs(times_ms[after] - times_ms[before]) <= JITTER_MS:
                ordered.add(after)
    return sorted(ordered)


def _longest_rising(times_ms: Sequence[int], run: Sequence[int]) -> list[int]:
    """Returns the longest subsequence that never falls; of several, one with the earliest end."""
    ends_ms: list[int] = []  # the earliest time that a subsequence of each length ends with
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in run:
        length = bisect_right(ends_ms, times_ms[place])
        before[place] = ends[length - 1] if length else None
        ends_ms[length : length + 1] = [times_ms[place]]
        ends[length : length + 1] = [place]
    part: list[int] = []
    place_or_none: int | None = ends[-1]
    while place_or_none is not None:
        part.append(place_or_none)
        place_or_none = before[place_or_none]
    return part[::-1]


def _cut_at_unusual_steps(times_ms: Sequence[int], run: Sequence[int]) -> Iterator[list[int]]:
    steps_ms = _steps(times_ms, run)
    usual_ms = sorted(steps_ms)[(len(steps_ms) - 1) // 2] if steps_ms else 0
    start = 0
    for end, step_ms in enumerate(steps_ms, 1):
        if _is_unusual(step_ms, usual_ms):
            yield list(run[start:end])
            start = end
    yield list(run[start:])


def _without_lone_newest(times_ms: Sequence[int], run: list[int]) -> Iterator[list[int]]:
    if len(run) > 2:
        newest_last = times_ms[run[-1]] >= times_ms[run[0]]
        newest_first = run[::-1] if newest_last else run
        step_ms, *others_ms = _steps(times_ms, newest_first)
        if _is_unusual(step_ms, max(others_ms)):
            yield newest_first[:1]
            yield sorted(newest_first[1:])
            return
    yield run


def _steps(times_ms: Sequence[int], run: Sequence[int]) -> list[int]:
    return [abs(times_ms[after] - times_ms[before]) for before, after in itertools.pairwise(run)]


def _is_unusual(step_ms: int, usual_ms: int) -> bool:
    return step_ms > max(JITTER_MS, USUAL_STEPS * usual_ms)
