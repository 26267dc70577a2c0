"""The parts of a delivery: its places, assignments, statuses and the events of its log."""

from __future__ import annotations

import enum

import msgspec

from rtdts.tracking.stream_position import ShardPosition
from rtdts.tracking.visibility import DEFAULT_VISIBILITY, Visibility

DEFAULT_RADIUS_M = 100.0
"""Radius of a place's geofence when the dispatcher names none."""

MAX_VERSION = 2**31 - 1
"""No log grows this long; larger numbers are invalid. DynamoDB rejects more than 38 digits."""


class Status(enum.StrEnum):
    """A delivery's status, in the order in which an undisturbed delivery passes through them.

    The order is a rank (`rtdts.tracking.delivery_log`), and the order of the API documents' enums.
    A new final status goes after `arrived`, and into `CLOSED`.
    """

    ASSIGNED = "assigned"
    EN_ROUTE_TO_PICKUP = "en_route_to_pickup"
    AT_PICKUP = "at_pickup"
    IN_TRANSIT = "in_transit"
    NEARBY = "nearby"
    ARRIVED = "arrived"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


BEFORE_PICKUP = frozenset({Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP, Status.AT_PICKUP})
UNDER_WAY = frozenset({Status.IN_TRANSIT, Status.NEARBY, Status.ARRIVED})
CLOSED = frozenset({Status.DELIVERED, Status.FAILED, Status.CANCELLED})


class DeclaredType(enum.StrEnum):
    """Events that no sensor can detect, so a person must declare them."""

    PICKED_UP = "picked_up"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FailureCode(enum.StrEnum):
    """Why a delivery failed: unlike the note, it is shown to the customer."""

    NOBODY_HOME = "nobody_home"
    REFUSED = "refused"
    WRONG_ADDRESS = "wrong_address"
    NO_ACCESS = "no_access"
    DAMAGED = "damaged"
    MISSING = "missing"
    VEHICLE = "vehicle"
    WEATHER = "weather"
    OTHER = "other"


class Cause(enum.StrEnum):
    """Why an event was written: the code that is sent to clients."""

    ASSIGNED = "assigned"
    TRANSFERRED = "transferred"
    DECLARED = "declared"
    MOVED_OFF = "moved_off"
    DWELT_AT_ORIGIN = "dwelt_at_origin"
    LEFT_ORIGIN = "left_origin"
    NEAR_DESTINATION = "near_destination"
    DWELT_AT_DESTINATION = "dwelt_at_destination"
    IMPLIED = "implied"
    CORRECTED = "corrected"


class Doubt(enum.StrEnum):
    """How the sensors contradict a declaration, which is accepted all the same."""

    NOT_SEEN_AT_ORIGIN = "not_seen_at_origin"
    NOT_SEEN_NEAR_DESTINATION = "not_seen_near_destination"
    BEFORE_LAST_MOVEMENT = "before_last_movement"
    """The declared time is before a movement of the truck in the log."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A circular geofence: centre in WGS 84 degrees, radius in metres."""

    lat: float
    lon: float
    radius_m: float = DEFAULT_RADIUS_M


class PlannedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery's origin and destination."""

    origin: Place
    destination: Place


class TimeWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The promised time of delivery."""

    start_ms: int
    end_ms: int


class Promise(msgspec.Struct, frozen=True, array_like=True):
    """What was promised of a delivery, and its place among its truck's stops."""

    window_end_ms: int | None = None
    stop_sequence: int | None = None
    due_ms: int = 0
    """Orders stops without a number: see `rtdts.tracking.truck_stops.Stop`."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One truck's assignment: the half-open interval ``[started_at_ms, ended_at_ms)``."""

    assignment: int
    """1 for the first truck, one more at each change of truck."""
    truck_id: str
    started_at_ms: int
    ended_at_ms: int | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery's row: the plan, and the fold of its log so far."""

    delivery_id: str
    customer_id: str
    origin: Place
    destination: Place
    status: Status
    version: int
    """Number of events in the log; 1 after creation."""
    assignments: tuple[Assignment, ...]
    """Every truck's assignment so far; the last is the current one."""
    created_at_ms: int
    updated_at_ms: int
    window: TimeWindow | None = None
    visibility: Visibility = DEFAULT_VISIBILITY
    stop_sequence: int | None = None
    """Which stop of its truck it is, if the dispatcher numbers them."""
    customer_since_ms: int = 0
    """Since when the delivery belongs to this customer."""
    customer_since_version: int = 1
    """The first event of this customer; earlier events belong to a former customer."""
    shown_from_ms: int | None = None
    """Start, by our clock, of the time in which the customer may be shown the truck: see
    `shown_from`. None while `assigned`, and in rows from before this field existed."""
    closed_at_ms: int | None = None
    """End of the time in which the customer is shown the truck: the effective time of the closing
    event, or the time at which that was recorded if the sensors contradict it. None while open. The
    end of viewing depends on `end_recorded_at_ms`."""
    origin_name: str | None = None
    """A name for people; no rule uses it."""
    destination_name: str | None = None
    failure_code: FailureCode | None = None
    """Why it failed, if that was declared."""

    @property
    def current(self) -> Assignment:
        """The assignment in force (or the last one in force, when closed)."""
        return self.assignments[-1]

    @property
    def truck_id(self) -> str:
        """The truck that carries it now."""
        return self.assignments[-1].truck_id

    @property
    def assignment(self) -> int:
        """Number of the assignment in force."""
        return self.assignments[-1].assignment

    @property
    def is_open(self) -> bool:
        """Whether it can still change."""
        return self.status not in CLOSED

    @property
    def end_recorded_at_ms(self) -> int | None:
        """When its end was recorded (a closed row never changes again); None while open."""
        return None if self.is_open else self.updated_at_ms


def shown_from(shown_from_ms: int | None, status: Status, at_ms: int) -> int | None:
    """Returns from when on a customer may be shown the delivery's truck, after one more event.

    A truck whose delivery is `assigned` is still doing something else. A closing event shows
    nothing that was not shown before.

    Args:
        shown_from_ms: What it was before the event.
        status: The status after the event.
        at_ms: When the event took effect, by our clock.
    """
    if status is Status.ASSIGNED:
        return None
    if shown_from_ms is None and status not in CLOSED:
        return at_ms
    return shown_from_ms


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's event is based on, beside the point that made the rule fire. For the log only.

    A `corrected` event has none: it names only the point because of which the log was corrected.
    """

    distance_m: float
    """Distance from that point to the centre of the rule's place."""
    accuracy_m: float | None = None
    """That point's accuracy, as its device sent it."""
    since_point_id: str | None = None
    """The first point of the stay, or of the departure; None when it is the same point."""
    silence_s: float | None = None
    """How long there was no good point before this one, when the dwell is based on that; or how
    much of the silence before the stay's first point counts as part of the stay."""


class DeliveryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a delivery's append-only log (``delivery-events``)."""

    delivery_id: str
    version: int
    """1, 2, 3 … without gaps."""
    status: Status
    """The status after this event."""
    cause: Cause
    effective_at_ms: int
    """When it became true in the world (the point's ``event_at``, the end of a dwell, the declared
    ``at``)."""
    recorded_at_ms: int
    """When it was appended to the log."""
    assignment: int
    truck_id: str
    declared: DeclaredType | None = None
    """What was declared, when ``cause`` is ``declared``."""
    point_id: str | None = None
    """The point that made the rule fire, when a rule did."""
    evidence: Evidence | None = None
    """The rule's further evidence, when a rule fired."""
    doubts: tuple[Doubt, ...] = ()
    """How the sensors contradict the declaration."""
    actor: str | None = None
    """``role:identity`` of the declaring person, when it was declared."""
    note: str | None = None
    proof: str | None = None
    failure_code: FailureCode | None = None
    """Why it failed, when a failure was declared."""
    idempotency_key: str | None = None
    through: ShardPosition | None = None
    """The stream's records up to which the log is current with this event, when a rule made it: a
    worker that has not processed these again must not correct it."""
    request_hash: str | None = None
    """sha256 of the declaring request's body: the same key with another body is rejected."""


class OpenMatch(msgspec.Struct, frozen=True, kw_only=True):
    """What the consumer needs of an open delivery of a truck (``truck-matches``)."""

    delivery_id: str
    assignment: int
    assigned_at_ms: int
    """Start of this truck's assignment."""
    version: int
    """The delivery's version when the match was last written: on creation, a change of the plan or
    a declaration. The consumer's own transitions do not change the match."""
    origin: Place
    destination: Place
    window_end_ms: int | None = None
    """End of the promised window. Like the fields below, None or 0 in older matches."""
    stop_sequence: int | None = None
    due_ms: int = 0

    @property
    def promise(self) -> Promise:
        """The delivery's promise."""
        return Promise(self.window_end_ms, self.stop_sequence, self.due_ms)
