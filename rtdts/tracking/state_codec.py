"""A truck's state as bytes: as stored in ``truck-state``, and as kept in a process."""

from __future__ import annotations

import msgspec

from rtdts.tracking.clock_lag import ClockLag
from rtdts.tracking.deliveries import Cause, Place, Promise, Status
from rtdts.tracking.delivery_log import Anchor
from rtdts.tracking.eta import EtaBaseline, TruckPace
from rtdts.tracking.presence import FenceEvidence
from rtdts.tracking.status_machine import StatusMachine, Transition
from rtdts.tracking.truck_state import DeliveryState, Interval, TruckState
from rtdts.tracking.window import Window, pack_degrees, pack_fix, unpack_degrees, unpack_fix

# Stored as their indexes here: new ones go to the end.
_STATUSES = (
    Status.ASSIGNED,
    Status.EN_ROUTE_TO_PICKUP,
    Status.AT_PICKUP,
    Status.IN_TRANSIT,
    Status.NEARBY,
    Status.ARRIVED,
    Status.DELIVERED,
    Status.FAILED,
    Status.CANCELLED,
)
_CAUSES = (
    Cause.ASSIGNED,
    Cause.TRANSFERRED,
    Cause.DECLARED,
    Cause.MOVED_OFF,
    Cause.DWELT_AT_ORIGIN,
    Cause.LEFT_ORIGIN,
    Cause.NEAR_DESTINATION,
    Cause.DWELT_AT_DESTINATION,
    Cause.IMPLIED,
    Cause.CORRECTED,
)
_STATUS_CODES = {status: code for code, status in enumerate(_STATUSES)}
_CAUSE_CODES = {cause: code for code, cause in enumerate(_CAUSES)}

_Place = tuple[float | int, float | int, float]
_Transition = tuple[int, int, int, str | None]
"""Status, cause, time since the anchor, point id without the truck's. Evidence is in the log."""


# Arrays, so that no name is stored: new fields go to the end, each with a default.
class _Delivery(msgspec.Struct, frozen=True, array_like=True):
    delivery_id: str
    assignment: int
    assigned_ms: int
    """Time since the anchor, as for all times here."""
    match_version: int
    origin: _Place
    destination: _Place
    anchor_version: int
    anchor_status: int
    anchor_cause: int | None
    anchor_effective_at_ms: int
    anchor_from_ms: int
    status: int
    stays: tuple[FenceEvidence | None, FenceEvidence | None, bool] | None
    """What the machine holds besides its status."""
    logged: tuple[_Transition, ...]
    """The machine's transitions that are in the log."""
    pending: tuple[Transition, ...]
    """The machine's later transitions, which are not in the log yet."""
    in_log: tuple[Transition, ...] | None
    """The log's transitions if they differ from `logged`; otherwise None."""
    log_length: int
    eta: EtaBaseline | None = None
    promise: Promise = Promise()


class _State(msgspec.Struct, frozen=True, array_like=True):
    writer_id: str
    applied: dict[str, tuple[str, int]]
    last_ordinal: int
    settlings: int
    shown_from: int
    window: tuple[bytes, ...]
    ordinals: tuple[int, ...]
    """Ordinals of the window's fixes, counted back from `last_ordinal`."""
    has_left: bool
    last_good: tuple[bytes, int] | None
    stale_since_ms: int | None
    doubted_until_ms: int
    unsettled: tuple[Interval, ...]
    last_late_n: int
    """The ordinal, counted back from `last_ordinal`."""
    last_late_ms: int
    has_moved_times: bool
    deliveries: tuple[_Delivery, ...]
    pace: TruckPace | None = None
    erased_before_ms: int = 0
    clock: ClockLag | None = None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_State)


def pack_state(state: TruckState) -> bytes:
    """Packs a state without the truck's id: about 0.6 kB, and 0.3 kB more per open delivery.

    Half of a delivery's part are its transitions with their points' ids.
    """
    good, last_ordinal = state.last_good, state.last_ordinal
    return _ENCODER.encode(
        _State(
            state.writer_id,
            state.applied,
            state.last_ordinal,
            state.settlings,
            state.shown_from,
            tuple(state.window.packed),
            tuple(last_ordinal - n for n in state.window.ordinals),
            state.has_left,
            None if good is None else (pack_fix(good), last_ordinal - good.n),
            state.stale_since_ms,
            state.doubted_until_ms,
            state.unsettled,
            last_ordinal - state.last_late_n,
            state.last_late_ms,
            state.has_moved_times,
            tuple(_packed_delivery(state.truck_id, one) for one in state.deliveries),
            state.pace,
            state.erased_before_ms,
            state.clock,
        )
    )


def unpack_state(truck_id: str, packed: bytes) -> TruckState:
    """Unpacks a state packed by `pack_state`.

    Raises:
        ValueError: It is not a packed state.
    """
    try:
        return _unpacked_state(truck_id, _DECODER.decode(packed))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError) as problem:
        raise ValueError(f"not a truck's state: {problem}") from problem


def _unpacked_state(truck_id: str, row: _State) -> TruckState:
    if len(row.window) != len(row.ordinals):
        raise ValueError("not a truck's state: fixes and ordinals differ in number")
    for packed, n in zip(row.window[-1:], row.ordinals[-1:], strict=True):
        unpack_fix(truck_id, packed, n)  # the others are unpacked when they are needed
    return TruckState(
        truck_id=truck_id,
        writer_id=row.writer_id,
        applied=row.applied,
        last_ordinal=row.last_ordinal,
        settlings=row.settlings,
        shown_from=row.shown_from,
        window=Window.unpacked(truck_id, row.window, [row.last_ordinal - n for n in row.ordinals]),
        has_left=row.has_left,
        last_good=None
        if row.last_good is None
        else unpack_fix(truck_id, row.last_good[0], row.last_ordinal - row.last_good[1]),
        stale_since_ms=row.stale_since_ms,
        doubted_until_ms=row.doubted_until_ms,
        unsettled=row.unsettled,
        last_late_n=row.last_ordinal - row.last_late_n,
        last_late_ms=row.last_late_ms,
        has_moved_times=row.has_moved_times,
        pace=row.pace,
        clock=row.clock,
        deliveries=tuple(_unpacked_delivery(truck_id, one) for one in row.deliveries),
        erased_before_ms=row.erased_before_ms,
    )


def _packed_delivery(truck_id: str, delivery_state: DeliveryState) -> _Delivery:
    tip, anchor = delivery_state.tip, delivery_state.anchor
    at_ms = anchor.effective_at_ms
    count = len(delivery_state.in_log)
    # The evidence of transitions in the log is kept there only.
    is_logged = [one.fact for one in delivery_state.in_log] == [
        one.fact for one in tip.transitions[:count]
    ]
    logged = delivery_state.in_log if is_logged else ()
    return _Delivery(
        delivery_state.delivery_id,
        delivery_state.assignment,
        delivery_state.assigned_at_ms - at_ms,
        delivery_state.match_version,
        _packed_place(delivery_state.origin),
        _packed_place(delivery_state.destination),
        anchor.version,
        _STATUS_CODES[anchor.status],
        None if anchor.cause is None else _CAUSE_CODES[anchor.cause],
        at_ms,
        anchor.from_ms - at_ms,
        _STATUS_CODES[tip.status],
        None if tip.has_only_status else (tip.origin, tip.destination, tip.is_inherited),
        tuple(_packed_transition(truck_id, one, at_ms) for one in logged),
        tip.transitions[len(logged) :],
        None if is_logged else delivery_state.in_log,
        delivery_state.log_length,
        delivery_state.eta,
        delivery_state.promise,
    )


def _unpacked_delivery(truck_id: str, row: _Delivery) -> DeliveryState:
    at_ms = row.anchor_effective_at_ms
    logged = tuple(_unpacked_transition(truck_id, one, at_ms) for one in row.logged)
    origin, destination, is_inherited = row.stays or (None, None, False)
    return DeliveryState(
        delivery_id=row.delivery_id,
        assignment=row.assignment,
        assigned_at_ms=row.assigned_ms + at_ms,
        match_version=row.match_version,
        origin=_unpacked_place(row.origin),
        destination=_unpacked_place(row.destination),
        anchor=Anchor(
            row.anchor_version,
            _STATUSES[row.anchor_status],
            at_ms,
            row.anchor_from_ms + at_ms,
            None if row.anchor_cause is None else _CAUSES[row.anchor_cause],
        ),
        tip=StatusMachine(
            _STATUSES[row.status], (*logged, *row.pending), origin, destination, is_inherited
        ),
        in_log=logged if row.in_log is None else row.in_log,
        log_length=row.log_length,
        eta=row.eta,
        promise=row.promise,
    )


def _packed_transition(truck_id: str, one: Transition, at_ms: int) -> _Transition:
    point_id = one.point_id
    if point_id is not None and point_id.startswith(f"{truck_id}:"):
        point_id = point_id[len(truck_id) :]
    return _STATUS_CODES[one.status], _CAUSE_CODES[one.cause], one.effective_at_ms - at_ms, point_id


def _unpacked_transition(truck_id: str, row: _Transition, at_ms: int) -> Transition:
    status, cause, since_ms, point_id = row
    if point_id is not None and point_id.startswith(":"):
        point_id = truck_id + point_id
    return Transition(_STATUSES[status], _CAUSES[cause], since_ms + at_ms, point_id)


def _packed_place(place: Place) -> _Place:
    return pack_degrees(place.lat), pack_degrees(place.lon), place.radius_m


def _unpacked_place(row: _Place) -> Place:
    lat, lon, radius_m = row
    return Place(lat=unpack_degrees(lat), lon=unpack_degrees(lon), radius_m=radius_m)
