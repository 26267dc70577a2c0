"""Distances and dwells that decide when a status changes."""

from __future__ import annotations

import msgspec

from rtdts.tracking.presence import PresenceRules


class StatusRules(msgspec.Struct, frozen=True, kw_only=True):
    """Distances and dwells of the status rules."""

    near_m: float = 1_000.0
    """Distance from the destination's centre for `nearby`; inside its geofence always counts."""
    dwell_s: float = 60.0
    """Time inside a geofence after which a truck counts as being there."""
    exit_margin_m: float = 30.0
    """Distance outside the origin's geofence that counts as having left; less may be noise."""
    presence: PresenceRules = PresenceRules()

    @property
    def dwell_ms(self) -> int:
        """`dwell_s` in milliseconds."""
        return round(self.dwell_s * 1_000)
