"""In which order points reach the service, and in which requests: devices queue, retry, shuffle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from bench.truth.noise import Observation

Request = tuple[float, tuple[Observation, ...]]
"""When a request is received, in seconds from the start of the drive, and its points in order."""

Order = Callable[[Sequence[Observation], Random], list[Request]]


def one_by_one(seen: Sequence[Observation], rng: Random) -> list[Request]:
    """Sends each point as soon as it is measured."""
    return [(one.t_s + rng.uniform(0.2, 1.5), (one,)) for one in seen]


def batched(seen: Sequence[Observation], rng: Random) -> list[Request]:
    """A request per minute, oldest point first."""
    return _chunks(seen, max(1, round(60 / _interval_s(seen))), rng)


def late(seen: Sequence[Observation], rng: Random) -> list[Request]:
    """Once out of coverage, for up to 20 minutes; then the backlog comes, newest chunk first."""
    away_s = min(rng.uniform(300, 1_200), 0.7 * seen[-1].t_s)
    start_s = rng.uniform(0.1 * seen[-1].t_s, seen[-1].t_s - away_s)
    backlog: list[Observation] = []
    rest: list[Observation] = []
    for one in seen:
        (backlog if start_s <= one.t_s < start_s + away_s else rest).append(one)
    requests = one_by_one(rest, rng)
    chunks = _chunks(backlog, rng.choice((1, 10, 50)), rng)
    # Points measured since coverage returned go out first, the backlog beside them.
    back_s = start_s + away_s + rng.uniform(1, 20)
    requests += [(back_s + 0.5 * n, points) for n, (_, points) in enumerate(reversed(chunks))]
    return sorted(requests, key=lambda one: one[0])


def shuffled(seen: Sequence[Observation], rng: Random) -> list[Request]:
    """A request per half minute in any order within; one in six comes minutes late, some twice."""
    requests = []
    for received_s, points in _chunks(seen, max(2, round(30 / _interval_s(seen))), rng):
        mixed = tuple(rng.sample(points, len(points)))
        delay_s = rng.uniform(30, 600) if rng.random() < 1 / 6 else 0.0
        requests.append((received_s + delay_s, mixed))
        if rng.random() < 0.1:
            requests.append((received_s + delay_s + rng.uniform(1, 60), mixed))
    return sorted(requests, key=lambda one: one[0])


def _chunks(seen: Sequence[Observation], size: int, rng: Random) -> list[Request]:
    parts = [tuple(seen[at : at + size]) for at in range(0, len(seen), size)]
    return [(part[-1].t_s + rng.uniform(0.2, 1.5), part) for part in parts]


def _interval_s(seen: Sequence[Observation]) -> float:
    return (seen[-1].t_s - seen[0].t_s) / max(1, len(seen) - 1) or 1.0
