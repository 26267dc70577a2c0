"""The consumer's progress in each shard, by the KCL's lease table and by its truck states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import boto3

from rtdts.position_store.client import connect
from rtdts.position_store.state import TruckStateStore
from rtdts.tracking.stream_position import StreamPosition
from sim.environment import Environment
from sim.local_cloud.resources import CloudNames


def checkpoints(environment: Environment) -> dict[str, StreamPosition]:
    """The checkpoint of each shard that has one."""
    table = boto3.resource(
        "dynamodb",
        endpoint_url=environment.aws_endpoint_url,
        region_name=environment.region,
        aws_access_key_id=environment.access_key_id,
        aws_secret_access_key=environment.secret_access_key,
    ).Table(CloudNames().consumer_application)
    leases: Any = table.scan(ConsistentRead=True)["Items"]
    return {
        lease["leaseKey"]: StreamPosition(
            int(lease["checkpoint"]), int(lease["checkpointSubSequenceNumber"])
        )
        for lease in leases
        if str(lease["checkpoint"]).isdigit()
    }


def applied(environment: Environment, truck_ids: Iterable[str]) -> dict[str, StreamPosition]:
    """Returns the last record of each shard that is applied in the state of any of these trucks."""
    client = connect(environment.opensearch_url)
    found: dict[str, StreamPosition] = {}
    for stored in TruckStateStore(client).load(list(truck_ids)).values():
        assert stored.state is not None
        for shard_id, (sequence_number, sub) in stored.state.applied.items():
            position = StreamPosition(int(sequence_number), sub)
            found[shard_id] = max(position, found.get(shard_id, position))
    return found
