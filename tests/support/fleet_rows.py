"""A fleet as rows of `fleet` messages, limited to a view as the service does it."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from rtdts.tracking.fleet_view import FleetView

MAX_TRUCKS = 400
"""With more trucks in view, clusters are returned, as with the broadcaster's default."""

Row = list[Any]
"""A `FleetTruck` as in docs/asyncapi.yaml."""

_FLAGS = {"late": 1, "stale": 2, "offline": 4}


def shown(fleet: Sequence[Row], request: dict[str, Any]) -> tuple[int, list[Row], list[Row]]:
    """Returns the number of trucks in a view, and the trucks or their clusters."""
    view = msgspec.convert(request, FleetView)
    found = [row for row in fleet if _is_in(row, view) and _passes(row, view)]
    if len(found) <= MAX_TRUCKS:
        return len(found), found, []
    tiles: dict[str, list[Row]] = collections.defaultdict(list)
    for row in found:
        tiles[_tile(row[1], row[2], view.precision)].append(row)
    return len(found), [], [_cluster(tile, rows) for tile, rows in tiles.items()]


def _is_in(row: Row, view: FleetView) -> bool:
    west, south, east, north = view.bbox
    return bool(west <= row[2] <= east and south <= row[1] <= north)


def _passes(row: Row, view: FleetView) -> bool:
    expected = view.filter
    for name, bit in _FLAGS.items():
        flag = getattr(expected, name)
        if flag is not None and flag != bool(row[8] & bit):
            return False
    if expected.status is not None and (row[6] or "none") not in expected.status:
        return False
    search = expected.search or ""
    return bool(row[0].startswith(search) or (row[7] or "").startswith(search))


def _tile(lat: float, lon: float, zoom: int) -> str:
    across = 1 << zoom
    share = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return f"{zoom}/{int((lon + 180) / 360 * across)}/{int(share * across)}"


def _cluster(tile: str, rows: list[Row]) -> Row:
    middle = [sum(row[i] for row in rows) / len(rows) for i in (1, 2)]
    return [
        tile,
        *middle,
        len(rows),
        *(sum(row[8] & bit > 0 for row in rows) for bit in _FLAGS.values()),
    ]
