"""Which trucks are over their quota of points: by this bridge's count, or by the consumer's."""

from __future__ import annotations

from collections.abc import Callable

from rtdts.runtime.rate_limits import RateLimits
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.roles import TRUCK


class BridgeQuota:
    """Counts the points that this bridge puts into the stream.

    Requests are not counted: a truck that was out of reach sends its backlog with one message per
    point.

    Args:
        limits: The quota of points per truck.
        blocks: Which identities are blocked at the moment.
    """

    def __init__(
        self, limits: RateLimits, blocks: Callable[[], Blocks], *, now_ms: Callable[[], int]
    ) -> None:
        self._limits = limits
        self._blocks = blocks
        self._now_ms = now_ms

    def is_over(self, truck_id: str) -> bool:
        """Returns whether the truck has used up its quota."""
        now_ms = self._now_ms()
        if self._limits.wait_ms(truck_id, now_ms) > 0:
            return True
        return self._blocks().over_quota(TRUCK, truck_id, now_ms) is not None

    def count(self, truck_id: str, points: int) -> None:
        """Counts points."""
        self._limits.spend(truck_id, points, self._now_ms())
