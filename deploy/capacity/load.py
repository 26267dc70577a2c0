"""A scenario's load per second at its busiest time, and per month."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from deploy.capacity.facts import GB
from deploy.capacity.scenario import Scenario

SECONDS_PER_HOUR = 3_600
POLL_S = 0.5
"""Time between two reads of a shard (KCL_IDLE_MS): the records of that time are one batch."""
MATCHES_CACHED_S = 5.0
"""How long the consumer caches which deliveries a truck carries."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """The load of a scenario: per second at the busiest time unless stated otherwise.

    Attributes:
        points: Points.
        requests: Requests of trucks, each a record of the stream.
        record_bytes: Bytes of such a record.
        visits: Trucks in batches: each is one write of a truck state and of a latest position.
        match_reads: Trucks whose deliveries are read.
        rounds_posts: Posts of rounds, if they were spread evenly.
        nudge_posts: Posts between rounds.
        nudges: Messages in the queue.
        connects: New sockets.
        transitions: Changes of status caused by points.
        changes: Changes of deliveries by the back office: created, declared.
        truck_s: Seconds per month with this load from trucks.
        viewer_s: Seconds per month with this load from viewers.
    """

    points: float
    requests: float
    record_bytes: float
    visits: float
    match_reads: float
    rounds_posts: float
    nudge_posts: float
    nudges: float
    connects: float
    transitions: float
    changes: float
    truck_s: float
    viewer_s: float

    @property
    def stream_bytes(self) -> float:
        """Bytes per second into the stream."""
        return self.requests * self.record_bytes

    @property
    def points_per_month(self) -> float:
        """Points per month."""
        return self.points * self.truck_s

    @property
    def requests_per_month(self) -> float:
        """Requests of trucks per month."""
        return self.requests * self.truck_s

    @property
    def stream_gb_per_month(self) -> float:
        """GB into the stream per month."""
        return self.stream_bytes * self.truck_s / GB


def load_of(scenario: Scenario, measured: Mapping[str, float]) -> Load:
    """The load of a scenario."""
    points = scenario.trucks / scenario.every
    requests = points / scenario.batch
    day_s = scenario.hours * SECONDS_PER_HOUR
    deliveries = scenario.trucks * scenario.deliveries / day_s
    # At most one nudge per second and position for a delivery of a truck.
    near = scenario.near_minutes * 60 / max(scenario.every * scenario.batch, 1.0)
    transitions = deliveries * scenario.transitions
    # Each delivery is created, and closed by a declaration.
    changes = deliveries * 2
    connects = scenario.viewers / (scenario.session_minutes * 60)
    watched = _share_watched(scenario)
    status_nudges = transitions + changes
    return Load(
        points=points,
        requests=requests,
        record_bytes=record_bytes(scenario.batch, measured),
        visits=min(requests, scenario.trucks / POLL_S),
        match_reads=min(requests, scenario.trucks / MATCHES_CACHED_S),
        rounds_posts=scenario.viewers / scenario.round_s,
        nudge_posts=connects
        + (status_nudges + deliveries * near) * watched * scenario.viewers_per_delivery,
        nudges=status_nudges + deliveries * near + connects,
        connects=connects,
        transitions=transitions,
        changes=changes,
        truck_s=day_s * scenario.days,
        viewer_s=scenario.viewing_hours * SECONDS_PER_HOUR * scenario.days,
    )


def record_bytes(batch: float, measured: Mapping[str, float]) -> float:
    """Bytes of a stream record with a number of points: a part for each, and one for the record."""
    one, ten = measured["stream_bytes.1_per_record"], measured["stream_bytes"] * 10
    per_point = (ten - one) / 9
    return one + (batch - 1) * per_point


def _share_watched(scenario: Scenario) -> float:
    """The fraction of open deliveries with at least one viewer."""
    of = scenario.trucks * scenario.open_deliveries
    return min(1.0, scenario.viewers / scenario.viewers_per_delivery / of) if of else 0.0
