"""When a customer is shown the truck's position: the policies that a dispatcher chooses from.

A truck carries other customers' deliveries, and its track shows a driver's whole day. So each
delivery defines how much of that its customer is shown. A policy applies to customers only, and
only narrows: no customer sees a truck before it is on its way for their delivery.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

MIN_WITHIN_M = 100.0
MAX_WITHIN_M = 1_000_000.0
MAX_WITHIN_MINUTES = 1_440


class EnRoute(msgspec.Struct, frozen=True, tag_field="policy", tag="en_route"):
    """While the truck is on its way for this delivery, whatever else it carries."""


class NextStop(msgspec.Struct, frozen=True, tag_field="policy", tag="next_stop"):
    """Only while no other open delivery of the truck comes first."""


class WithinDistance(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="policy", tag="within_distance"
):
    """Only within this many metres (great circle) of the destination, with the cargo on board."""

    distance_m: Annotated[float, Meta(ge=MIN_WITHIN_M, le=MAX_WITHIN_M)]


class WithinTime(msgspec.Struct, frozen=True, kw_only=True, tag_field="policy", tag="within_time"):
    """Only when the truck is expected within this many minutes, with the cargo on board."""

    minutes: Annotated[int, Meta(ge=1, le=MAX_WITHIN_MINUTES)]


Visibility = EnRoute | NextStop | WithinDistance | WithinTime

DEFAULT_VISIBILITY = NextStop()
