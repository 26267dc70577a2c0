"""How the sensors contradict a declaration, by the delivery's log.

A declaration is always accepted: phones lose reception and boxes are mounted badly. But a truck
that declares ``delivered`` for a time at which it drove on would hide where it went. So a doubt is
stored with the event, and the claimed time then decides nothing that is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rtdts.tracking.deliveries import (
    Cause,
    DeclaredType,
    Delivery,
    DeliveryEvent,
    Doubt,
    Status,
)
from rtdts.tracking.delivery_log import fold_log, is_declared
from rtdts.tracking.status_machine import Transition

_MOVEMENTS: Final = frozenset({Cause.MOVED_OFF, Cause.LEFT_ORIGIN, Cause.NEAR_DESTINATION})
"""Rules that fire with a fix of a moving truck."""

_NOT_YET_LOADED: Final = frozenset({Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP})
_NEAR: Final = frozenset({Status.NEARBY, Status.ARRIVED})


def doubts_about(
    what: DeclaredType, at_ms: int, delivery: Delivery, log: Sequence[DeliveryEvent]
) -> tuple[Doubt, ...]:
    """Returns what contradicts a declaration; nothing when the sensors agree or are silent.

    A stay that was too short for a dwell shows no arrival. So for an end it is enough that the
    truck was seen near the destination.

    Args:
        what: What is declared.
        at_ms: The claimed time.
        delivery: The delivery before the declaration.
        log: The delivery's log, by version.
    """
    found = []
    if what is DeclaredType.PICKED_UP and delivery.status in _NOT_YET_LOADED:
        found.append(Doubt.NOT_SEEN_AT_ORIGIN)
    if what is DeclaredType.DELIVERED and delivery.status not in _NEAR:
        found.append(Doubt.NOT_SEEN_NEAR_DESTINATION)
    if any(one.effective_at_ms > at_ms and one.cause in _MOVEMENTS for one in _transitions(log)):
        found.append(Doubt.BEFORE_LAST_MOVEMENT)
    return tuple(found)


def _transitions(log: Sequence[DeliveryEvent]) -> Iterator[Transition]:
    """Yields the rules' transitions in force, before and after each declaration."""
    ends = [index for index, event in enumerate(log) if index and is_declared(event)]
    for end in (*ends, len(log)):
        if end:
            yield from fold_log(log[:end]).transitions
