"""The truth: when the noise-free track completed its dwell at the destination."""

from __future__ import annotations

from dataclasses import dataclass

from rtdts.tracking.deliveries import Place
from rtdts.tracking.geodesy import distance_m
from sim.fleet.motion import Motion

DWELL_S = 60.0
"""So long inside the destination's circle without a break is having arrived."""

AMBIGUOUS_S = (40.0, 90.0)
"""A longest stay between these decides by seconds: a drive that has one is drawn again."""

STEP_S = 1.0


@dataclass(frozen=True)
class Truth:
    """What the noise-free track says.

    Attributes:
        arrived_s: When the dwell was complete; None without arrival.
        entered_s: When the truck entered the circle for that dwell.
        left_s: When it left it again; the end of the drive where it did not.
        longest_s: Its longest unbroken stay inside, whether or not it was an arrival.
    """

    arrived_s: float | None
    entered_s: float | None
    left_s: float | None
    longest_s: float

    @property
    def is_ambiguous(self) -> bool:
        """Whether seconds, and so noise, decide whether this was an arrival."""
        return AMBIGUOUS_S[0] < self.longest_s < AMBIGUOUS_S[1]


def truth_of(motion: Motion, destination: Place, departed_s: float) -> Truth:
    """Walks the noise-free track, second by second, from the departure on."""
    inside_since_s = entered_s = left_s = None
    longest_s = 0.0
    t_s = departed_s
    while t_s <= motion.duration_s:
        state = motion.at(t_s)
        away_m = distance_m(state.lat, state.lon, destination.lat, destination.lon)
        if away_m > destination.radius_m:
            if entered_s is not None and left_s is None:
                left_s = t_s
            inside_since_s = None
        else:
            inside_since_s = t_s if inside_since_s is None else inside_since_s
            longest_s = max(longest_s, t_s - inside_since_s)
            if entered_s is None and t_s - inside_since_s >= DWELL_S:
                entered_s = inside_since_s
        t_s += STEP_S
    if entered_s is None:
        return Truth(None, None, None, longest_s)
    return Truth(entered_s + DWELL_S, entered_s, left_s or motion.duration_s, longest_s)
