"""Costs of OpenSearch, DynamoDB and the queues."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from deploy.capacity.costs import CapacityPlan, Cost
from deploy.capacity.facts import HOURS_PER_MONTH
from deploy.capacity.load import SECONDS_PER_HOUR
from rtdts.tracking.delivery_buckets import BUCKETS

MASTERS: Final = 3
READ_UNIT_KB: Final = 4
MATCH_KB: Final = 0.5
SUBSCRIPTION_KB: Final = 0.25

TRANSITION_READS: Final = 2
"""Reads per transition: the row and its log."""
TRANSITION_WRITES: Final = 8
"""Writes per transition: row and event, twice because of the transaction, and the row's two
indexes; the event once more, also twice, when its delivery is closed and the log gets its
expiry."""
CHANGE_READS: Final = 2
CHANGE_WRITES: Final = 11
"""Writes per change by the back office: those of a transition, and the truck's matches, which are
prepared first."""
NUDGE_READS: Final = 3
"""Reads per nudge: the delivery, its viewers, its log."""
CONNECT_READS: Final = 2
CONNECT_WRITES: Final = 10
"""Writes per connection: a ticket is put and spent; a socket is counted in and out; a subscription
with its two indexes is put and removed."""
LEASE_WRITES: Final = 1.3
"""Writes per shard and second: a checkpoint, and a renewal every three seconds."""
ROUND_REQUESTS: Final = math.ceil(BUCKETS / 10)
"""Requests for all 256 buckets of a round, ten buckets each."""
POLLED_QUEUES: Final = 2
"""The queues of nudges and of snapshots; several broadcasters also poll the rounds' queue."""
LONG_POLL_S: Final = 3
"""Duration of a poll of an empty queue (QUEUE_WAIT_S); each broadcaster polls again at once."""
QUEUE_CALLS: Final = 3
"""Calls per nudge: it is sent, received and deleted. One call may send or receive ten nudges."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reads:
    """DynamoDB's read units per second at the busiest time.

    Attributes:
        matches: The consumer's reads of matches.
        rights: The rounds' reads of entitlements, evenly spread.
        others: The rest.
    """

    matches: float
    rights: float
    others: float


def opensearch(plan: CapacityPlan) -> Cost:
    """OpenSearch: data nodes, their disks, three masters."""
    sizes = plan.sizes
    disks = sizes.nodes * sizes.volume_gb
    return Cost(
        part="OpenSearch",
        size=f"{sizes.nodes} nodes of {sizes.node_vcpus} vCPUs, {disks:,.0f} GB of disk",
        usd=plan.price("opensearch_vcpu_hour", sizes.nodes * sizes.node_vcpus * HOURS_PER_MONTH)
        + plan.price("opensearch_gb_month", disks)
        + plan.price("opensearch_master_hour", MASTERS * HOURS_PER_MONTH),
    )


def reads_of(plan: CapacityPlan) -> Reads:
    """Read units: a consistent read costs one per delivery, and matches at least one per truck."""
    scenario, load = plan.scenario, plan.load
    a_truck = math.ceil(max(scenario.open_deliveries, 1) * MATCH_KB / READ_UNIT_KB)
    index = scenario.viewers * SUBSCRIPTION_KB / READ_UNIT_KB / 2 + BUCKETS / 2
    # Each delivery is read with its truck's earlier stops: they decide which viewers see the truck.
    viewed = scenario.viewers / scenario.viewers_per_delivery
    rights = (viewed * (1 + a_truck) + index) / scenario.round_s
    return Reads(
        matches=load.match_reads * a_truck,
        rights=rights,
        others=load.transitions * TRANSITION_READS
        + load.changes * CHANGE_READS
        + load.nudges * NUDGE_READS
        + load.connects * CONNECT_READS,
    )


def dynamodb(plan: CapacityPlan) -> Cost:
    """DynamoDB: on-demand requests."""
    load, reads = plan.load, reads_of(plan)
    all_s = HOURS_PER_MONTH * SECONDS_PER_HOUR
    read_units = (reads.matches + reads.others) * load.truck_s + reads.rights * load.viewer_s
    write_units = (
        (load.transitions * TRANSITION_WRITES + load.changes * CHANGE_WRITES) * load.truck_s
        + load.connects * CONNECT_WRITES * load.viewer_s
        + plan.sizes.shards * LEASE_WRITES * all_s
    )
    return Cost(
        part="DynamoDB",
        size=f"{read_units / 1e6:,.0f} M reads, {write_units / 1e6:,.0f} M writes",
        usd=plan.price("dynamodb_read_million", read_units / 1e6)
        + plan.price("dynamodb_write_million", write_units / 1e6),
    )


def sqs(plan: CapacityPlan) -> Cost:
    """SQS: nudges, and the rounds that several broadcasters share."""
    calls = plan.load.nudges * QUEUE_CALLS * plan.load.truck_s
    calls += _poll_calls(plan) + _round_calls(plan)
    return Cost(
        part="SQS",
        size=f"{calls / 1e6:,.1f} M calls",
        usd=plan.price("sqs_fifo_million", calls / 1e6),
    )


def _poll_calls(plan: CapacityPlan) -> float:
    """Calls per month: each broadcaster polls for nudges and for snapshots, all day."""
    seconds = HOURS_PER_MONTH * SECONDS_PER_HOUR
    return POLLED_QUEUES * seconds * plan.sizes.broadcasters / LONG_POLL_S


def _round_calls(plan: CapacityPlan) -> float:
    """Calls per month: every broadcaster sends every round; one receives and deletes each item."""
    broadcasters = plan.sizes.broadcasters
    if broadcasters == 1:
        return 0.0
    seconds = HOURS_PER_MONTH * SECONDS_PER_HOUR
    a_round = ROUND_REQUESTS * (broadcasters + 2)
    return seconds * (a_round / plan.scenario.round_s + broadcasters / LONG_POLL_S)
