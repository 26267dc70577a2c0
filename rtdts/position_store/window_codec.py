"""A truck's window of fixes as one value of its document: packed columns.

Where each point of a batch is of another truck, each of them rewrites its truck's whole memory, of
which the window is nearly all. OpenSearch's work grows with a document's bytes, and JSON spells out
what neighbours in a window share: the hour, the truck, whatever a device never sends. So the window
is written field by field, its times and identities as what they add to the rest, in MessagePack,
compressed. What it saves: ``bench/wide_fleet_points.py``.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.point_identity import identity_of

LEVEL = 1
"""zlib's fastest: a higher one takes twice the time for a twentieth of the bytes."""

MAX_BYTES = 8_000_000
"""What a window may unpack to: more than three times what the largest `WINDOW_POINTS` makes it."""

_EVENT_AT = Fix.__struct_fields__.index("event_at_ms")
_POINT_ID = Fix.__struct_fields__.index("point_id")
_TOLD_FROM_EVENT = [
    Fix.__struct_fields__.index(name) for name in ("recorded_at_ms", "received_at_ms")
]
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[list[Any]])


def pack_window(window: Sequence[Fix]) -> bytes:
    """A window, without the fixes' identities."""
    columns: list[Sequence[Any]] = list(zip(*map(msgspec.structs.astuple, window), strict=True))
    if columns:
        event_at = columns[_EVENT_AT]
        for column in _TOLD_FROM_EVENT:
            columns[column] = [
                ms - event for ms, event in zip(columns[column], event_at, strict=True)
            ]
        columns[_EVENT_AT] = [
            event_at[0],
            *(later - earlier for earlier, later in itertools.pairwise(event_at)),
        ]
        columns[_POINT_ID] = ()
    return zlib.compress(_ENCODER.encode(columns), LEVEL)


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
        columns[_POINT_ID] = [""] * len(event_at)
        for column in _TOLD_FROM_EVENT:
            columns[column] = [
                ms + event for ms, event in zip(columns[column], event_at, strict=True)
            ]
        rows = list(zip(*columns, strict=True))
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
    return tuple(
        msgspec.structs.replace(
            fix,
            point_id=identity_of(
                truck_id,
                recorded_at_ms=fix.recorded_at_ms,
                seq=fix.seq,
                lat=fix.lat,
                lon=fix.lon,
            ),
        )
        for fix in fixes
    )


def _decompressed(packed: bytes) -> bytes:
    decompressor = zlib.decompressobj()
    content = decompressor.decompress(packed, MAX_BYTES)
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("cut off, too large, or more than one")
    return content
