"""The truth: when the noise-free track completed its dwell at the destination."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rtdts.tracking.deliveries import Place
from rtdts.tracking.geodesy import distance_m
from sim.fleet.motion import Motion

DWELL_S = 60.0
"""The truck has arrived when it stays this long inside the destination's circle without a break."""

AMBIGUOUS_S = (40.0, 90.0)
"""If the longest stay is between these, seconds decide: such a drive is drawn again."""

AMBIGUOUS_M = 10.0
"""A drive whose result changes with a circle smaller or larger by this much is drawn again too."""

STEP_S = 1.0


@dataclass(frozen=True)
class Truth:
    """The arrival by the noise-free track.

    Attributes:
        arrived_s: When the dwell was complete; None without arrival.
        entered_s: When the truck entered the circle for that dwell.
        left_s: When it left it again; the end of the drive where it did not.
        longest_s: Its longest unbroken stay inside, whether or not it was an arrival.
        is_ambiguous: Whether seconds or a few metres, and so noise, decide.
    """

    arrived_s: float | None
    entered_s: float | None
    left_s: float | None
    longest_s: float
    is_ambiguous: bool


def truth_of(motion: Motion, destination: Place, departed_s: float) -> Truth:
    """Follows the noise-free track, second by second, from the departure on."""
    return truth_at(places_of(motion, departed_s), destination)


def places_of(motion: Motion, start_s: float) -> list[tuple[float, float, float]]:
    """Returns each second, and where the truck is then: ``(t_s, lat, lon)``."""
    places = []
    t_s = start_s
    while t_s <= motion.duration_s:
        state = motion.at(t_s)
        places.append((t_s, state.lat, state.lon))
        t_s += STEP_S
    return places


def truth_at(places: Iterable[tuple[float, float, float]], destination: Place) -> Truth:
    """As `truth_of`, of a track of which the places are known."""
    track = [
        (t_s, distance_m(lat, lon, destination.lat, destination.lon)) for t_s, lat, lon in places
    ]
    radius_m = destination.radius_m
    entered_s, left_s, longest_s = _stays(track, radius_m)
    around = {_stays(track, radius_m + by_m)[0] is None for by_m in (-AMBIGUOUS_M, AMBIGUOUS_M)}
    return Truth(
        arrived_s=None if entered_s is None else entered_s + DWELL_S,
        entered_s=entered_s,
        left_s=left_s,
        longest_s=longest_s,
        is_ambiguous=AMBIGUOUS_S[0] < longest_s < AMBIGUOUS_S[1] or len(around) > 1,
    )


def _stays(
    track: Sequence[tuple[float, float]], radius_m: float
) -> tuple[float | None, float | None, float]:
    """When the first stay of a dwell began and ended, and the longest of all, in seconds."""
    inside_since_s = entered_s = left_s = None
    longest_s = 0.0
    for t_s, away_m in track:
        if away_m > radius_m:
            if entered_s is not None and left_s is None:
                left_s = t_s
            inside_since_s = None
            continue
        inside_since_s = t_s if inside_since_s is None else inside_since_s
        longest_s = max(longest_s, t_s - inside_since_s)
        if entered_s is None and t_s - inside_since_s >= DWELL_S:
            entered_s = inside_since_s
    if entered_s is not None and left_s is None:
        left_s = track[-1][0]
    return entered_s, left_s, longest_s
