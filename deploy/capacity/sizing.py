"""How large each part must be for a load."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from deploy.capacity.facts import GB, Facts
from deploy.capacity.load import SECONDS_PER_HOUR, Load
from deploy.capacity.scenario import Scenario

BROADCASTER_CORES: Final = 1
"""Cores that a broadcaster can use: it is one process."""
LAMBDA_VCPU_GB: Final = 1769 / 1024
"""Memory with which a Lambda has one vCPU (Lambda Developer Guide, "Configure memory")."""
NODE_VCPUS: Final = (2, 4, 8, 16, 32, 48, 64)
"""vCPUs of r7g.large, xlarge, 2xlarge, 4xlarge, 8xlarge, 12xlarge, 16xlarge.search."""
NODE_GB: Final = (2_048, 3_072, 6_144, 12_288, 16_384, 24_576, 24_576)
"""Maximum size of these nodes' gp3 volumes (OpenSearch Service's quotas, from memory)."""
MAX_NODES: Final = 30
"""Beyond this number, larger nodes are chosen instead of more nodes."""
NODE_RESERVED_GB: Final = 20
"""OpenSearch Service reserves a fifth of a volume, at most 20 GiB, for itself."""
COPIES: Final = 2
"""Copies of every index: primary and replica."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of all parts.

    Attributes:
        shards: Shards of the stream.
        shards_for: What requires that many: ``records``, ``bytes``, ``processor``, ``tasks``,
            ``minimum``.
        reads_states: Whether a child has more trucks than its cache holds.
        consumer_cores: Cores that children and daemons need, of the benchmarks' kind.
        consumers: Consumer tasks.
        broadcaster_cores: Cores that rounds and nudges need.
        broadcasters: Broadcaster tasks; several share the rounds.
        ingest_s: Duration of an invocation of ingest_lambda.
        search_cores: Cores that OpenSearch needs.
        nodes: Data nodes.
        node_vcpus: vCPUs of each node.
        search_gb: Data on all disks together.
        volume_gb: A node's disk.
    """

    shards: int
    shards_for: str
    reads_states: bool
    consumer_cores: float
    consumers: int
    broadcaster_cores: float
    broadcasters: int
    ingest_s: float
    search_cores: float
    nodes: int
    node_vcpus: int
    search_gb: float
    volume_gb: float


def sizes_of(scenario: Scenario, load: Load, facts: Facts) -> Sizes:
    """The sizes that a load requires, each with the headroom that the scenario sets."""
    required = _shards_by_traffic(scenario, load, facts)
    reads_states = scenario.trucks / max(required.values()) > scenario.cached_trucks
    processors = _cores(load, facts, "processors", reads_states=reads_states)
    # Requests to a domain are compressed; those to the benchmark's local node are not.
    processors += load.visits * facts.measured["wide_fleet_wire_cpu"] / 1e6
    usable = scenario.vcpu * scenario.fill
    required["processor"] = math.ceil(processors / usable)
    consumer = processors + _cores(load, facts, "daemon", reads_states=reads_states)
    # A task without a shard has nothing to do.
    required["tasks"] = math.ceil(consumer / usable / scenario.task_vcpu)
    shards = max(required.values())
    broadcasting = (load.rounds_posts + load.nudge_posts) * viewer_cpu_s(facts)
    search = _search_cores(load, facts, reads_states=reads_states)
    search_gb = _search_gb(scenario, load, facts)
    nodes, node_vcpus = _nodes(search / usable, search_gb / scenario.fill, scenario.zones)
    return Sizes(
        shards=shards,
        shards_for=next(name for name, count in required.items() if count == shards),
        reads_states=reads_states,
        consumer_cores=consumer,
        consumers=max(scenario.min_consumers, required["tasks"]),
        broadcaster_cores=broadcasting,
        broadcasters=max(
            scenario.min_broadcasters,
            math.ceil(broadcasting / usable / BROADCASTER_CORES),
            _broadcasters_by_rate(scenario, load),
        ),
        ingest_s=_ingest_s(scenario, facts),
        search_cores=search,
        nodes=nodes,
        node_vcpus=node_vcpus,
        search_gb=search_gb,
        volume_gb=max(scenario.min_volume_gb, search_gb / nodes / scenario.fill + NODE_RESERVED_GB),
    )


def viewer_cpu_s(facts: Facts) -> float:
    """Core seconds for one push to a viewer, including the read of its delivery's entitlement."""
    return 1 / facts.measured["round_viewers"] + facts.limits["batch_get_cpu"].value / 1e6


def _broadcasters_by_rate(scenario: Scenario, load: Load) -> int:
    """Each task has a fixed part of the rate; tasks beyond the maximum would have to share it."""
    each = scenario.posts_per_second / scenario.max_broadcasters * scenario.fill
    required = math.ceil((load.rounds_posts + load.nudge_posts) / each)
    return min(required, scenario.max_broadcasters)


def _shards_by_traffic(scenario: Scenario, load: Load, facts: Facts) -> dict[str, int]:
    of = facts.limits
    return {
        "minimum": scenario.min_shards,
        "records": math.ceil(load.requests / of["kinesis_shard_records"].value / scenario.fill),
        "bytes": math.ceil(load.stream_bytes / of["kinesis_shard_bytes"].value / scenario.fill),
    }


def _cores(load: Load, facts: Facts, part: str, *, reads_states: bool) -> float:
    """Cores for points, and for trucks in batches: each such truck writes a whole truck state."""
    kind = "read_first" if reads_states else "cached"
    per_point = facts.measured[f"consumer_cpu.{part}"]
    per_visit = facts.measured[f"wide_fleet_cpu.{kind}.{part}"] - per_point
    return (load.points * per_point + load.visits * per_visit) / 1e6


def _search_cores(load: Load, facts: Facts, *, reads_states: bool) -> float:
    raw = load.points * facts.limits["raw_document_cpu"].value / 1e6
    return (_cores(load, facts, "node", reads_states=reads_states) + raw) * COPIES


def _nodes(vcpus: float, gb: float, zones: int) -> tuple[int, int]:
    for each, max_gb in zip(NODE_VCPUS, NODE_GB, strict=True):
        required = max(vcpus / each, gb / (max_gb - NODE_RESERVED_GB))
        count = max(math.ceil(required / zones), 1) * zones
        if count <= MAX_NODES:
            return count, each
    return count, each


def _search_gb(scenario: Scenario, load: Load, facts: Facts) -> float:
    of = facts.measured
    points_per_day = load.points * scenario.hours * SECONDS_PER_HOUR
    history = points_per_day * scenario.positions_days * of["document_bytes.history"]
    raw = points_per_day * scenario.raw_days * of["document_bytes"]
    a_truck = of["document_bytes.latest"] + of["document_bytes.state"]
    return (history + raw + scenario.trucks * a_truck) * COPIES * scenario.merging / GB


def _ingest_s(scenario: Scenario, facts: Facts) -> float:
    """Seconds per invocation: a part per request, a part per point, and the wait for the stream."""
    one = 1 / facts.measured["ingest_points.1_per_request"]
    per_point = 1 / facts.measured["ingest_points.500_per_request"]
    cpu_s = one + (scenario.batch - 1) * per_point
    share = min(scenario.lambda_gb / LAMBDA_VCPU_GB, 1.0) * scenario.vcpu
    return scenario.put_ms / 1e3 + cpu_s / share
