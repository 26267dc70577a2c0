"""Distances and dwells that decide when a status changes."""

from __future__ import annotations

import msgspec

from rtdts.tracking.presence import PresenceRules


class StatusRules(msgspec.Struct, frozen=True, kw_only=True):
    """Distances and dwells of the status rules."""

    near_m: float = 1_000.0
    """This close to the destination's centre is `nearby` (inside its geofence always is)."""
    dwell_s: float = 60.0
    """This long inside a geofence is being there."""
    exit_margin_m: float = 30.0
    """This far outside the origin's geofence is having left; noise at its edge is not."""
    presence: PresenceRules = PresenceRules()

    @property
    def dwell_ms(self) -> int:
        """`dwell_s` in milliseconds."""
        return round(self.dwell_s * 1_000)
