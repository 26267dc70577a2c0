"""What a scenario does a second at its busiest, and in a month."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from deploy.capacity.facts import GB
from deploy.capacity.scenario import Scenario

SECONDS_A_HOUR = 3_600
POLL_S = 0.5
"""Between two reads of a shard (KCL_IDLE_MS): what comes meanwhile is one batch."""
MATCHES_KEPT_S = 5.0
"""For so long the consumer remembers which deliveries a truck carries."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """The load of a scenario: a second at the busiest time unless said.

    Attributes:
        points: Points.
        requests: Requests of trucks, each a record of the stream.
        record_bytes: Bytes of such a record.
        visits: Trucks in batches: each is one write of a memory and of a latest position.
        match_reads: Trucks whose deliveries are read.
        rounds_posts: Posts of rounds, were they spread evenly.
        nudge_posts: Posts between rounds.
        nudges: Messages in the queue.
        connects: New sockets.
        transitions: Statuses that points bring.
        changes: Changes of deliveries by the back office: created, declared.
        truck_s: Seconds in a month that are as busy as that for trucks.
        viewer_s: The same for viewers.
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
        """Bytes a second into the stream."""
        return self.requests * self.record_bytes

    @property
    def points_a_month(self) -> float:
        """Points in a month."""
        return self.points * self.truck_s

    @property
    def requests_a_month(self) -> float:
        """Requests of trucks in a month."""
        return self.requests * self.truck_s

    @property
    def stream_gb_a_month(self) -> float:
        """GB into the stream in a month."""
        return self.stream_bytes * self.truck_s / GB


def load_of(scenario: Scenario, measured: Mapping[str, float]) -> Load:
    """The load that a scenario is."""
    points = scenario.trucks / scenario.every
    requests = points / scenario.batch
    day_s = scenario.hours * SECONDS_A_HOUR
    deliveries = scenario.trucks * scenario.deliveries / day_s
    # A truck's nudges for a delivery are one a second and position at most.
    near = scenario.near_minutes * 60 / max(scenario.every * scenario.batch, 1.0)
    transitions = deliveries * scenario.transitions
    # Created and at last declared.
    changes = deliveries * 2
    connects = scenario.viewers / (scenario.session_minutes * 60)
    watched = _share_watched(scenario)
    status_nudges = transitions + changes
    return Load(
        points=points,
        requests=requests,
        record_bytes=record_bytes(scenario.batch, measured),
        visits=min(requests, scenario.trucks / POLL_S),
        match_reads=min(requests, scenario.trucks / MATCHES_KEPT_S),
        rounds_posts=scenario.viewers / scenario.round_s,
        nudge_posts=connects
        + (status_nudges + deliveries * near) * watched * scenario.viewers_a_delivery,
        nudges=status_nudges + deliveries * near + connects,
        connects=connects,
        transitions=transitions,
        changes=changes,
        truck_s=day_s * scenario.days,
        viewer_s=scenario.viewing_hours * SECONDS_A_HOUR * scenario.days,
    )


def record_bytes(batch: float, measured: Mapping[str, float]) -> float:
    """Bytes of a stream record of so many points: a part for each, and one for the record."""
    one, ten = measured["stream_bytes.1_a_record"], measured["stream_bytes"] * 10
    a_point = (ten - one) / 9
    return one + (batch - 1) * a_point


def _share_watched(scenario: Scenario) -> float:
    """The share of open deliveries that somebody follows."""
    of = scenario.trucks * scenario.open_deliveries
    return min(1.0, scenario.viewers / scenario.viewers_a_delivery / of) if of else 0.0
