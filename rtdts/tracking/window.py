"""A truck's last fixes, packed, as its state holds them in the process and in the store.

As objects a window takes 7 kB, most of it fields that no rule uses. So a fix is packed once, when
it enters, into some 60 bytes, and unpacked when it is needed: for a truck that reports in order
mostly the last one or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast, overload

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.point_identity import identity_of
from rtdts.tracking.positions import Clock
from rtdts.tracking.reading import Reading, measured

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder().decode
_DEGREES = 1e7
"""Factor of packed degrees: positions have 7 decimals, about a centimetre."""
_HUNDREDTHS = 100
"""Factor of other packed values: nearly all have at most two decimals; others stay unchanged."""
_EXACT = 1e13
"""Above this, hundredths are no longer exact."""


_MEASUREMENTS = len(Reading.__struct_fields__)
"""Measurements added by a later release are ignored here, in case that release is rolled back."""


def pack_fix(fix: Fix) -> bytes:
    """Packs a fix without its truck, its ordinal, and its identity, which is derived again."""
    return _ENCODE(
        (
            fix.event_at_ms,
            fix.recorded_at_ms - fix.event_at_ms,
            fix.received_at_ms - fix.event_at_ms,
            pack_degrees(fix.lat),
            pack_degrees(fix.lon),
            fix.clock is Clock.SHIFTED,
            None if fix.source == "http" else fix.source,
            fix.seq,
            fix.moving,
            fix.quality or None,
            fix.clock_lag_ms or None,
            _short(fix.distance_m),
            _short(fix.implied_speed_mps),
            _short(fix.track_speed_mps),
            _short(fix.track_heading_deg),
            *map(_short, measured(fix)),
        )
    )


def unpack_fix(truck_id: str, packed: bytes, n: int) -> Fix:
    """Unpacks a fix packed by `pack_fix`, with its ordinal.

    Raises:
        ValueError: It is not a packed fix.
    """
    try:
        (
            event_at_ms,
            recorded_ms,
            received_ms,
            lat,
            lon,
            is_shifted,
            source,
            seq,
            moving,
            quality,
            clock_lag_ms,
            distance_m,
            implied_speed_mps,
            track_speed_mps,
            track_heading_deg,
            *readings,
        ) = _DECODE(packed)
        lat, lon = unpack_degrees(lat), unpack_degrees(lon)
        recorded_at_ms = event_at_ms + recorded_ms
        return Fix(
            *map(_long, readings[:_MEASUREMENTS]),
            truck_id=truck_id,
            recorded_at_ms=recorded_at_ms,
            lat=lat,
            lon=lon,
            event_at_ms=event_at_ms,
            received_at_ms=event_at_ms + received_ms,
            clock=Clock.SHIFTED if is_shifted else Clock.DEVICE,
            source=source or "http",
            seq=seq,
            point_id=identity_of(
                truck_id, recorded_at_ms=recorded_at_ms, seq=seq, lat=lat, lon=lon
            ),
            n=n,
            distance_m=_long(distance_m),
            implied_speed_mps=_long(implied_speed_mps),
            track_heading_deg=_long(track_heading_deg),
            moving=moving,
            quality=tuple(quality or ()),
            track_speed_mps=_long(track_speed_mps),
            clock_lag_ms=clock_lag_ms or 0,
        )
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError) as problem:
        raise ValueError(f"not a packed fix: {problem}") from problem


class Window(Sequence[Fix]):
    """Fixes in order, each packed, unpacked, or both. Immutable.

    Args:
        truck_id: The fixes' truck.
        fixes: The fixes, or as many placeholders as there are packed ones.
        packed: The same fixes, packed; None for those that were not packed yet.
        ordinals: The same fixes' ordinals; only required if `fixes` has placeholders.
    """

    __slots__ = ("_fixes", "_ordinals", "_packed", "_truck_id")

    def __init__(
        self,
        truck_id: str,
        fixes: Iterable[Fix | None] = (),
        packed: Iterable[bytes | None] | None = None,
        ordinals: Iterable[int] | None = None,
    ) -> None:
        self._truck_id = truck_id
        self._fixes = list(fixes)
        self._packed: list[bytes | None] = (
            [None] * len(self._fixes) if packed is None else list(packed)
        )
        self._ordinals = (
            [0 if fix is None else fix.n for fix in self._fixes]
            if ordinals is None
            else list(ordinals)
        )

    @classmethod
    def unpacked(cls, truck_id: str, packed: Sequence[bytes], ordinals: Iterable[int]) -> Window:
        """Creates a window of packed fixes, none of which is unpacked yet."""
        return cls(truck_id, [None] * len(packed), packed, ordinals)

    @property
    def ordinals(self) -> Sequence[int]:
        """The fixes' ordinals."""
        return self._ordinals

    @property
    def packed(self) -> list[bytes]:
        """The fixes, packed."""
        for n, one in enumerate(self._packed):
            if one is None:
                self._packed[n] = pack_fix(self[n])
        return cast("list[bytes]", self._packed)

    def replaced(self, fixes: Sequence[Fix]) -> Window:
        """Returns a window of these fixes; those that it already has need not be packed again."""
        packed = {id(fix): one for fix, one in zip(self._fixes, self._packed, strict=True) if fix}
        return Window(self._truck_id, fixes, [packed.get(id(fix)) for fix in fixes])

    def followed_by(self, fix: Fix, max_fixes: int) -> Window:
        """Returns the window with a later fix, without the oldest beyond `max_fixes`."""
        start = max(0, len(self._fixes) + 1 - max_fixes)
        return Window(
            self._truck_id,
            [*self._fixes[start:], fix],
            [*self._packed[start:], None],
            [*self._ordinals[start:], fix.n],
        )

    def __len__(self) -> int:
        return len(self._fixes)

    @overload
    def __getitem__(self, at: int) -> Fix: ...

    @overload
    def __getitem__(self, at: slice) -> Window: ...

    def __getitem__(self, at: int | slice) -> Fix | Window:
        if isinstance(at, slice):
            return Window(self._truck_id, self._fixes[at], self._packed[at], self._ordinals[at])
        fix = self._fixes[at]
        if fix is None:
            fix = unpack_fix(self._truck_id, self._packed[at] or b"", self._ordinals[at])
            self._fixes[at] = fix
        return fix

    def __iter__(self) -> Iterator[Fix]:
        return (self[n] for n in range(len(self._fixes)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Window) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal by value, and never used as a key

    def __repr__(self) -> str:
        return f"Window({self._truck_id!r}, {list(self)!r})"


def pack_degrees(value: float) -> float | int:
    """Returns degrees as a whole number of their seventh decimals, if that is exact."""
    scaled = round(value * _DEGREES)
    return scaled if scaled / _DEGREES == value else value


def unpack_degrees(value: float | int) -> float:
    """Reverses `pack_degrees`."""
    return value / _DEGREES if value.__class__ is int else float(value)


def _short(value: Any) -> Any:
    if value.__class__ is not float:  # None, a bool, or a whole number that was sent as such
        return value if value is None or value.__class__ is bool else [value]
    if not -_EXACT < value < _EXACT:
        return value
    scaled = round(value * _HUNDREDTHS)
    return scaled if scaled / _HUNDREDTHS == value else value


def _long(value: Any) -> Any:
    kind = value.__class__
    if kind is int:
        return value / _HUNDREDTHS
    return value[0] if kind is list else value
