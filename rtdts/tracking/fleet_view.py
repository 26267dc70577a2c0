"""A dispatcher's view of the fleet: a box of the map, its zoom, and a filter of trucks.

A view comes from a client, so every part of it is bounded: an invalid box, a zoom that would
request a million clusters, or a misspelt filter is rejected before anything is stored.
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
"""Maximum number of tiles of a view: all their rows fit a frame, however long each is."""

MAX_PRECISION: Final = 26
"""Highest zoom of the tiles: they are about a metre wide at the equator."""

_FINER_THAN_ZOOM: Final = 2
"""Zoom levels of the tiles beyond the view's: a tile is a quarter as wide as a map tile of 512
pixels, so clusters are some 128 pixels apart."""

_MERCATOR_LAT: Final = 85.0511287798066
"""Latitude at which the tiles of web maps end."""

_DECIMALS: Final = 6

Longitude = Annotated[float, Meta(ge=-180, le=180)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]


class FleetStatus(enum.StrEnum):
    """Values of the status filter: the current delivery's status, or that there is none."""

    ASSIGNED = "assigned"
    EN_ROUTE_TO_PICKUP = "en_route_to_pickup"
    AT_PICKUP = "at_pickup"
    IN_TRANSIT = "in_transit"
    NEARBY = "nearby"
    ARRIVED = "arrived"
    NONE = "none"


class FleetFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trucks to show: fields that are None don't filter; all others must match."""

    status: Annotated[tuple[FleetStatus, ...], Meta(min_length=1, max_length=7)] | None = None
    late: bool | None = None
    stale: bool | None = None
    offline: bool | None = None
    search: Identifier | None = None
    """Prefix of the id of the truck, or of its current delivery."""


class FleetView(msgspec.Struct, frozen=True, kw_only=True):
    """A view of the fleet.

    Attributes:
        bbox: West, south, east, north, in degrees; with west > east it crosses the antimeridian.
        zoom: Zoom of a map of 512-pixel tiles.
        filter: Which trucks to show.
        view: The client's name for the view.
    """

    bbox: tuple[Longitude, Latitude, Longitude, Latitude]
    zoom: Annotated[float, Meta(ge=0, le=24)]
    filter: FleetFilter = FleetFilter()
    view: Identifier | None = None

    def __post_init__(self) -> None:
        """Rejects an empty box.

        Raises:
            ValueError: The box is empty.
        """
        west, south, east, north = self.bbox
        if south >= north:
            raise ValueError("bbox: south is not south of north")
        if west == east:
            raise ValueError("bbox: west is east")

    def rounded(self) -> FleetView:
        """Returns the view rounded to what a map can show: 0.1 m, and a hundredth of a zoom.

        Rounded views are more often equal and can then be read once for all; and a store can't hold
        numbers as small as JSON can write.

        Raises:
            ValueError: The rounded box is empty.
        """
        west, south, east, north = (round(degrees, _DECIMALS) + 0.0 for degrees in self.bbox)
        return msgspec.structs.replace(
            self, bbox=(west, south, east, north), zoom=round(self.zoom, 2) + 0.0
        )

    @property
    def precision(self) -> int:
        """The zoom of the clusters' tiles, of which at most `MAX_CLUSTERS` cover the box."""
        precision = min(math.floor(self.zoom) + _FINER_THAN_ZOOM, MAX_PRECISION)
        while precision and _tiles(self.bbox, precision) > MAX_CLUSTERS:
            precision -= 1
        return precision

    @property
    def query_key(self) -> bytes:
        """The request apart from the view's name: equal requests share one response."""
        statuses = None if self.filter.status is None else tuple(sorted({*self.filter.status}))
        same = msgspec.structs.replace(
            self, view=None, filter=msgspec.structs.replace(self.filter, status=statuses)
        )
        return msgspec.json.encode(same)


def part_of(query_key: bytes, parts: int) -> int:
    """Returns the part, of `parts`, that a request belongs to: the same for equal requests."""
    return int.from_bytes(sha256(query_key).digest()[:4], "big") % parts


def _tiles(bbox: tuple[float, float, float, float], precision: int) -> int:
    west, south, east, north = bbox
    width = east - west if east > west else east - west + 360
    across = 1 << precision
    # One more column: the box may begin and end within a tile.
    columns = min(across, math.floor(width / 360 * across) + 2)
    first, last = _row(north, across), _row(south, across)
    return columns * (last - first + 1)


def _row(lat: float, across: int) -> int:
    bounded = math.radians(max(-_MERCATOR_LAT, min(_MERCATOR_LAT, lat)))
    share = (1 - math.asinh(math.tan(bounded)) / math.pi) / 2
    return max(0, min(across - 1, math.floor(share * across)))
