"""The KCL's three tables as data: created by Terraform, so that a destroy leaves nothing behind.

The KCL uses existing tables as they are, so its role is not allowed to create any. Attributes are
those of KCL 3 (`DynamoDBLeaseSerializer`, `CoordinatorStateDAO`, `WorkerMetricStatsDAO`).
"""

from __future__ import annotations

from deploy.tables import IndexDefinition, KeyAttribute, TableDefinition

_LEASE_KEY = KeyAttribute(name="leaseKey")

LEASES = TableDefinition(
    logical_name="leases",
    hash_key=_LEASE_KEY,
    indexes=(
        IndexDefinition(
            name="LeaseOwnerToLeaseKeyIndex",
            hash_key=KeyAttribute(name="leaseOwner"),
            range_key=_LEASE_KEY,
        ),
    ),
)
COORDINATOR_STATE = TableDefinition(
    logical_name="coordinator_state", hash_key=KeyAttribute(name="key")
)
WORKER_METRICS = TableDefinition(logical_name="worker_metrics", hash_key=KeyAttribute(name="wid"))

NAME_SUFFIXES = {
    LEASES: "",
    COORDINATOR_STATE: "-CoordinatorState",
    WORKER_METRICS: "-WorkerMetricStats",
}
"""The suffixes that the KCL appends to its application's name to find each table."""
