"""A truck's window of fixes as one value of its document: packed columns.

Where each point of a batch is of another truck, each of them rewrites its truck's whole memory, of
which the window is nearly all. OpenSearch's work grows with a document's bytes, and JSON spells out
what neighbours in a window share: the hour, the truck, whatever a device never sends. So the window
is written field by field, its times and identities as what they add to the rest, in MessagePack,
compressed. What it saves: ``bench/wide_fleet_points.py``.
"""

from __future__ import annotations

import itertools
import operator
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.point_identity import point_id

LEVEL = 1
"""zlib's fastest: a higher one takes twice the time for a twentieth of the bytes."""

MAX_BYTES = 8_000_000
"""What a window may unpack to: more than three times what the largest `WINDOW_POINTS` makes it."""

_EVENT_AT = "event_at_ms"
_TOLD_FROM_EVENT = ("recorded_at_ms", "received_at_ms")
_TOLD_FROM_TRUCK = ("truck_id", "point_id")
_PACKED = tuple(name for name in Fix.__struct_fields__ if name not in _TOLD_FROM_TRUCK)
_columns = operator.attrgetter(*_PACKED)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(dict[str, list[Any]])


def pack_window(window: Sequence[Fix]) -> bytes:
    """A window, without what its truck says: the truck itself and the fixes' identities."""
    columns = dict(zip(_PACKED, zip(*map(_columns, window), strict=True), strict=False))
    if columns:
        event_at = columns[_EVENT_AT]
        for name in _TOLD_FROM_EVENT:
            columns[name] = tuple(map(operator.sub, columns[name], event_at))
        columns[_EVENT_AT] = (
            event_at[0],
            *(later - earlier for earlier, later in itertools.pairwise(event_at)),
        )
    # What no fix of a window has is most of what a device could measure.
    told = {name: column for name, column in columns.items() if column.count(None) < len(column)}
    return zlib.compress(_ENCODER.encode(told), LEVEL)


def unpack_window(truck_id: str, packed: bytes) -> tuple[Fix, ...]:
    """The window that `pack_window` made of a truck's fixes.

    Fields that fixes have got since then have their defaults.

    Raises:
        ValueError: It is not one.
    """
    try:
        columns = _DECODER.decode(_decompressed(packed))
        if not columns:
            return ()
        event_at = list(itertools.accumulate(columns[_EVENT_AT]))
        columns[_EVENT_AT] = event_at
        for name in _TOLD_FROM_EVENT:
            columns[name] = [ms + event for ms, event in zip(columns[name], event_at, strict=True)]
        told = {"truck_id": truck_id, "point_id": ""}
        rows = [
            {**told, **dict(zip(columns, row, strict=True))}
            for row in zip(*columns.values(), strict=True)
        ]
        fixes = msgspec.convert(rows, tuple[Fix, ...])
    except (
        zlib.error,
        msgspec.MsgspecError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as problem:
        raise ValueError(f"not a packed window: {problem}") from problem
    return tuple(msgspec.structs.replace(fix, point_id=point_id(fix)) for fix in fixes)


def _decompressed(packed: bytes) -> bytes:
    decompressor = zlib.decompressobj()
    content = decompressor.decompress(packed, MAX_BYTES)
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("cut off, too large, or more than one")
    return content
