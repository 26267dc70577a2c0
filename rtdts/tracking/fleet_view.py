"""What a dispatcher looks at: a box of the map, how fine, and which trucks of it.

A view comes from outside, so every part of it is bounded: a box that is none, a zoom that would ask
for a million clusters, or a misspelt filter is refused before anything is stored.
"""

from __future__ import annotations

import enum
import math
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from rtdts.tracking.identifiers import Identifier

MAX_CLUSTERS: Final = 350
"""Tiles that a view is cut into at the most: all their rows fit a frame, however long each is."""

MAX_PRECISION: Final = 26
"""Of tiles: a metre at the equator."""

_FINER_THAN_ZOOM: Final = 2
"""A quarter of a map tile of 512 pixels: clusters are some 128 pixels apart."""

_MERCATOR_LAT: Final = 85.0511287798066
"""Where the tiles of web maps end."""

_DECIMALS: Final = 6

Longitude = Annotated[float, Meta(ge=-180, le=180)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]


class FleetStatus(enum.StrEnum):
    """What a truck is filtered by: the status of its current delivery, or that it has none."""

    ASSIGNED = "assigned"
    EN_ROUTE_TO_PICKUP = "en_route_to_pickup"
    AT_PICKUP = "at_pickup"
    IN_TRANSIT = "in_transit"
    NEARBY = "nearby"
    ARRIVED = "arrived"
    NONE = "none"


class FleetFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trucks: what is None filters nothing, and what is given holds together."""

    status: Annotated[tuple[FleetStatus, ...], Meta(min_length=1, max_length=7)] | None = None
    late: bool | None = None
    stale: bool | None = None
    offline: bool | None = None
    search: Identifier | None = None
    """What the id of the truck, or of its current delivery, begins with."""


class FleetView(msgspec.Struct, frozen=True, kw_only=True):
    """A view of the fleet.

    Attributes:
        bbox: West, south, east, north, in degrees; with west > east it crosses the antimeridian.
        zoom: Of a map of 512-pixel tiles.
        filter: Which trucks.
        view: What its client calls it.
    """

    bbox: tuple[Longitude, Latitude, Longitude, Latitude]
    zoom: Annotated[float, Meta(ge=0, le=24)]
    filter: FleetFilter = FleetFilter()
    view: Identifier | None = None

    def __post_init__(self) -> None:
        """Refuses a box without an inside.

        Raises:
            ValueError: It has none.
        """
        west, south, east, north = self.bbox
        if south >= north:
            raise ValueError("bbox: south is not south of north")
        if west == east:
            raise ValueError("bbox: west is east")

    def rounded(self) -> FleetView:
        """The same as far as a map can tell: 0.1 m, and a hundredth of a zoom.

        Equal views are the likelier to be asked once for all; and a store holds no number that is
        as small as JSON can write it.

        Raises:
            ValueError: Nothing is left of the box.
        """
        west, south, east, north = (round(degrees, _DECIMALS) + 0.0 for degrees in self.bbox)
        return msgspec.structs.replace(
            self, bbox=(west, south, east, north), zoom=round(self.zoom, 2) + 0.0
        )

    @property
    def precision(self) -> int:
        """The zoom of the tiles that clusters are made of: at most `MAX_CLUSTERS` cover the box."""
        precision = min(math.floor(self.zoom) + _FINER_THAN_ZOOM, MAX_PRECISION)
        while precision and _tiles(self.bbox, precision) > MAX_CLUSTERS:
            precision -= 1
        return precision

    @property
    def question(self) -> bytes:
        """What is asked for, apart from its name: who asks the same shares the answer."""
        statuses = None if self.filter.status is None else tuple(sorted({*self.filter.status}))
        same = msgspec.structs.replace(
            self, view=None, filter=msgspec.structs.replace(self.filter, status=statuses)
        )
        return msgspec.json.encode(same)


def part_of(question: bytes, parts: int) -> int:
    """Which of so many parts a question belongs to: the same of the same question."""
    return int.from_bytes(sha256(question).digest()[:4], "big") % parts


def _tiles(bbox: tuple[float, float, float, float], precision: int) -> int:
    west, south, east, north = bbox
    width = east - west if east > west else east - west + 360
    across = 1 << precision
    # One more: the box may begin and end within a tile.
    columns = min(across, math.floor(width / 360 * across) + 2)
    first, last = _row(north, across), _row(south, across)
    return columns * (last - first + 1)


def _row(lat: float, across: int) -> int:
    bounded = math.radians(max(-_MERCATOR_LAT, min(_MERCATOR_LAT, lat)))
    share = (1 - math.asinh(math.tan(bounded)) / math.pi) / 2
    return max(0, min(across - 1, math.floor(share * across)))
