"""The quota of one truck: requests and points per minute, as a mean over some minutes.

An ingest endpoint keeps one quota for what it receives itself, and the consumer one for all that a
truck sends (`consumer.quota`).
"""

from __future__ import annotations

import dataclasses
from typing import Final

from rtdts.runtime.rate_limits import RateLimits
from rtdts.runtime.settings import setting

REQUESTS_PER_MINUTE: Final = 60
POINTS_PER_MINUTE: Final = 6_000
QUOTA_MINUTES: Final = 10
"""A truck with one point per second may upload 16 hours without reception at once."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PointQuotaSettings:
    """Base of the settings of an ingest endpoint that counts only points."""

    points_per_minute: int = setting(
        "TRUCK_POINTS_PER_MINUTE",
        default=POINTS_PER_MINUTE,
        minimum=1,
        maximum=6_000_000,
        help="points that one truck may send per minute, as a mean over QUOTA_MINUTES",
    )
    quota_minutes: int = setting(
        "QUOTA_MINUTES",
        default=QUOTA_MINUTES,
        minimum=1,
        maximum=60,
        help="minutes of quota that a truck may use at once, for a backlog",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuotaSettings(PointQuotaSettings):
    """Base of the settings of a deployable that also counts requests."""

    requests_per_minute: int = setting(
        "TRUCK_REQUESTS_PER_MINUTE",
        default=REQUESTS_PER_MINUTE,
        minimum=1,
        maximum=60_000,
        help="requests that one truck may send per minute, as a mean over QUOTA_MINUTES",
    )

    def new_quota(self) -> TruckQuota:
        """Returns an unused quota."""
        return TruckQuota(
            requests_per_minute=self.requests_per_minute,
            points_per_minute=self.points_per_minute,
            minutes=self.quota_minutes,
        )


def points_quota(settings: PointQuotaSettings) -> RateLimits:
    """Returns unused limits of every truck's points."""
    return RateLimits(per_minute=settings.points_per_minute, burst_minutes=settings.quota_minutes)


class TruckQuota:
    """The quota of every truck.

    Args:
        requests_per_minute: Requests, whatever their content.
        points_per_minute: Points, valid or not.
        minutes: Minutes whose quota may be used at once.
    """

    def __init__(self, *, requests_per_minute: int, points_per_minute: int, minutes: float) -> None:
        self._requests = RateLimits(per_minute=requests_per_minute, burst_minutes=minutes)
        self._points = RateLimits(per_minute=points_per_minute, burst_minutes=minutes)

    def wait_ms(self, truck_id: str, now_ms: int) -> float:
        """Returns the time until the truck may send again; 0 when it may now."""
        requests_ms = self._requests.wait_ms(truck_id, now_ms)
        return max(requests_ms, self._points.wait_ms(truck_id, now_ms))

    def spend(self, truck_id: str, *, requests: int, points: int, now_ms: int) -> None:
        """Counts what a truck has sent."""
        if requests:
            self._requests.spend(truck_id, requests, now_ms)
        if points:
            self._points.spend(truck_id, points, now_ms)
