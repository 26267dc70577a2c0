"""What one fix shows of a delivery's two places, even if their geofences overlap."""

from __future__ import annotations

import msgspec

from rtdts.tracking.deliveries import PlannedRoute, Status
from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.presence import (
    FenceEvidence,
    FenceObservation,
    is_far,
    left,
    observe_fence,
    relative_evidence,
    stay,
    unseen_ms,
)
from rtdts.tracking.status_rules import StatusRules


class Scene:
    """A fix, and what it shows of both places, measured when a rule needs it.

    Args:
        rules: Distances and dwells.
    """

    __slots__ = ("_destination", "_origin", "fix", "plan", "rules")

    def __init__(self, fix: Fix, plan: PlannedRoute, rules: StatusRules) -> None:
        """Stores the arguments; nothing is measured yet."""
        self.fix = fix
        self.plan = plan
        self.rules = rules
        self._origin: FenceObservation | None = None
        self._destination: FenceObservation | None = None

    @property
    def origin(self) -> FenceObservation:
        """The origin from the fix."""
        if self._origin is None:
            self._origin = observe_fence(self.fix, self.plan.origin, self.rules.presence)
        return self._origin

    @property
    def destination(self) -> FenceObservation:
        """The destination from the fix."""
        if self._destination is None:
            self._destination = observe_fence(self.fix, self.plan.destination, self.rules.presence)
        return self._destination

    @property
    def is_far_from_origin(self) -> bool:
        """Whether the fix alone ends every stay at the origin."""
        return is_far(self.origin, self.rules.presence)

    @property
    def is_far_from_destination(self) -> bool:
        """Whether the fix alone ends every stay at the destination."""
        return is_far(self.destination, self.rules.presence)

    @property
    def is_one_place(self) -> bool:
        """Whether the places are too close to be distinguished."""
        origin, destination = self.plan.origin, self.plan.destination
        apart_m = distance_m(origin.lat, origin.lon, destination.lat, destination.lon)
        return apart_m < self.rules.presence.one_place_m

    @property
    def is_near(self) -> bool:
        """Whether the fix is near the destination."""
        return self.destination.distance_m <= max(self.rules.near_m, self.plan.destination.radius_m)

    def at_origin(self, status: Status) -> float:
        """Returns the evidence for being at the origin.

        A truck on its way to the pickup is taken to be at the pickup first, even if it could be at
        the destination. A truck that has not moved yet may have been standing at the destination.
        """
        if status is not Status.ASSIGNED or not self.origin.is_inside:
            return self.origin.inside
        return self._relative_evidence(self.origin, self.destination)

    @property
    def at_destination(self) -> float:
        """Evidence for being at the destination."""
        if not self.destination.is_inside:
            return self.destination.inside
        return self._relative_evidence(self.destination, self.origin)

    def stay_at_origin(self, so_far: FenceEvidence | None, status: Status) -> FenceEvidence | None:
        """Returns the stay at the origin with this fix."""
        evidence = self.at_origin(status)
        return stay(so_far, evidence, self.origin, self.rules.dwell_s, self.rules.presence)

    def left_origin(self, so_far: FenceEvidence | None) -> tuple[FenceEvidence | None, bool]:
        """Returns the evidence of having left the origin, and whether it is enough."""
        return left(
            so_far,
            self.origin,
            self.fix,
            self.rules.exit_margin_m,
            self.rules.presence,
        )

    def stay_at_destination(self, so_far: FenceEvidence | None) -> FenceEvidence | None:
        """Returns the stay at the destination with this fix."""
        now = stay(
            so_far,
            self.at_destination,
            self.destination,
            self.rules.dwell_s,
            self.rules.presence,
        )
        if so_far is None and now is not None and self.unseen_ms:
            return msgspec.structs.replace(now, unseen_ms=self.unseen_ms)
        return now

    @property
    def unseen_ms(self) -> int:
        """How long the truck has been at the destination, if this is its first fix there."""
        return unseen_ms(self.fix, self.destination, self.rules.dwell_s, self.rules.presence)

    def _relative_evidence(self, seen: FenceObservation, other: FenceObservation) -> float:
        if not other.is_inside:
            return seen.inside
        return relative_evidence(seen, other, are_one=self.is_one_place, rules=self.rules.presence)
