"""A truck's latest position according to its state: its newest point, and the last good one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from rtdts.tracking.current_delivery import CarriedDelivery, CurrentDelivery, current_delivery
from rtdts.tracking.delivery_state import progress_at
from rtdts.tracking.eta import TruckPace, eta_range
from rtdts.tracking.fixes import Fix, IndexedFix, LatestPosition
from rtdts.tracking.positions import DeliveryProgress
from rtdts.tracking.truck_state import DeliveryState, TruckState


def latest_of(state: TruckState) -> LatestPosition | None:
    """Returns the latest position; None before the first point.

    Its revision counts points and settlings, not batches. The worker that has processed more must
    have the higher revision, however its batches were cut; otherwise a write based on fewer points
    would block its writes.
    """
    if not state.window:
        return None
    newest = state.window[-1]
    shown, bad = last_good_and_bad(state.window)
    stale_since_ms = None if bad is None else bad.event_at_ms
    if shown is None:
        shown = state.last_good
        if state.stale_since_ms is not None:
            stale_since_ms = state.stale_since_ms
    deliveries = _with_eta(newest, progress(newest, state.deliveries), state)
    shown_deliveries = (
        deliveries
        if shown is newest
        else ()
        if shown is None
        else _with_eta(shown, progress(shown, state.deliveries), state)
    )
    return LatestPosition(
        newest=newest,
        deliveries=deliveries,
        shown=shown,
        shown_deliveries=shown_deliveries,
        stale_since_ms=stale_since_ms,
        current=_current(state.deliveries, shown_deliveries, newest.received_at_ms),
        revision=state.revision,
    )


def _current(
    delivery_states: Iterable[DeliveryState], shown: Iterable[DeliveryProgress], received_at_ms: int
) -> CurrentDelivery | None:
    earliest_ms = {one.delivery_id: one.eta_earliest_ms for one in shown}
    return current_delivery(
        (
            CarriedDelivery(
                delivery_id=delivery_state.delivery_id,
                status=delivery_state.tip.status,
                promise=delivery_state.promise,
                eta_earliest_ms=earliest_ms.get(delivery_state.delivery_id),
            )
            for delivery_state in delivery_states
        ),
        known_at_ms=received_at_ms,
    )


def _with_eta(
    fix: Fix, found: tuple[DeliveryProgress, ...], state: TruckState
) -> tuple[DeliveryProgress, ...]:
    """Returns the progress at a fix, with the ETA if the pace is as of this fix."""
    if not found or state.pace is None or state.pace.at_ms != fix.event_at_ms or not fix.is_good:
        return found
    delivery_states = {
        delivery_state.delivery_id: delivery_state for delivery_state in state.deliveries
    }
    return tuple(_one_with_eta(one, delivery_states[one.delivery_id], state.pace) for one in found)


def _one_with_eta(
    found: DeliveryProgress, delivery_state: DeliveryState, pace: TruckPace
) -> DeliveryProgress:
    eta = eta_range(
        delivery_state.eta,
        pace,
        remaining_m=found.distance_remaining_m,
        radius_m=delivery_state.destination.radius_m,
        status=delivery_state.tip.status,
    )
    if eta is None:
        return found
    return msgspec.structs.replace(
        found, eta_earliest_ms=eta.earliest_ms, eta_latest_ms=eta.latest_ms
    )


def last_good_and_bad(window: Sequence[Fix]) -> tuple[Fix | None, Fix | None]:
    """Returns the last good fix, and the first of the bad ones after it."""
    bad = list(itertools.takewhile(lambda fix: not fix.is_good, reversed(window)))
    good = window[-len(bad) - 1] if len(bad) < len(window) else None
    return good, bad[-1] if bad else None


def indexed(fix: Fix, delivery_states: Iterable[DeliveryState]) -> IndexedFix:
    """Returns a fix for the history."""
    return IndexedFix(fix, progress(fix, delivery_states))


def progress(fix: Fix, delivery_states: Iterable[DeliveryState]) -> tuple[DeliveryProgress, ...]:
    """Returns the progress of each delivery with a fix."""
    found = (progress_at(delivery_state, fix) for delivery_state in delivery_states)
    return tuple(one for one in found if one is not None)
