"""Permissions in the domain: fine-grained access control's roles and their mappings. Pure.

An IAM policy lets a role reach the domain; these roles define what it may do there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rtdts.position_store.index_definitions import (
    LATEST_INDEX,
    POSITIONS_PATTERN,
    RAW_PATTERN,
    STATE_INDEX,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexGrant:
    """Allowed actions on the indexes of some patterns; names are the plugin's action groups."""

    patterns: tuple[str, ...]
    actions: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchRole:
    """A role within the domain and the one IAM role that has it."""

    name: str
    iam_role_arn: str
    cluster_actions: tuple[str, ...]
    grants: tuple[IndexGrant, ...]

    @property
    def body(self) -> Mapping[str, Any]:
        """The role in the plugin's format."""
        return {
            "cluster_permissions": list(self.cluster_actions),
            "index_permissions": [
                {"index_patterns": list(grant.patterns), "allowed_actions": list(grant.actions)}
                for grant in self.grants
            ],
        }

    @property
    def mapping_body(self) -> Mapping[str, Any]:
        """Its mapping: to the plugin an IAM role is a backend role."""
        return {"backend_roles": [self.iam_role_arn]}


AUDIT: Mapping[str, Any] = {
    "enabled": True,
    "audit": {
        "enable_rest": True,
        "enable_transport": True,
        # Allowed requests include every bulk of a shard: logging them would cost more than the
        # points.
        "disabled_rest_categories": ["AUTHENTICATED", "GRANTED_PRIVILEGES"],
        "disabled_transport_categories": ["AUTHENTICATED", "GRANTED_PRIVILEGES"],
        # A body holds positions, which the log would keep beyond their retention or erasure.
        "log_request_body": False,
        "resolve_bulk_requests": False,
        "resolve_indices": True,
        "exclude_sensitive_headers": True,
        "ignore_users": [],
        "ignore_requests": [],
    },
    "compliance": {
        "enabled": True,
        "internal_config": True,
        "external_config": False,
        "read_metadata_only": True,
        "read_watched_fields": {},
        "read_ignore_users": [],
        "write_metadata_only": True,
        "write_log_diffs": False,
        "write_watched_indices": [],
        "write_ignore_users": [],
    },
}
"""The audit log's content: rejected requests, and changes of roles and their mappings.

The domain's own setting only names the target of the log; without this nothing is written to it.
"""


def search_roles(
    *,
    raw_writer_arn: str,
    consumer_arn: str,
    broadcaster_arn: str,
    track_arn: str,
    operations_arn: str,
) -> tuple[SearchRole, ...]:
    """Returns every role of our components."""
    return (
        SearchRole(
            name="rtdts-raw-writer",
            iam_role_arn=raw_writer_arn,
            # What Firehose requires, by its own documentation: it checks the cluster first.
            cluster_actions=("cluster_composite_ops", "cluster_monitor"),
            grants=(
                IndexGrant(patterns=(RAW_PATTERN,), actions=("crud", "create_index", "manage")),
            ),
        ),
        SearchRole(
            name="rtdts-consumer",
            iam_role_arn=consumer_arn,
            cluster_actions=("cluster_composite_ops",),  # bulk and mget
            grants=(
                # The first point of a day creates its index.
                IndexGrant(patterns=(POSITIONS_PATTERN,), actions=("crud", "create_index")),
                IndexGrant(patterns=(LATEST_INDEX, STATE_INDEX), actions=("crud",)),
            ),
        ),
        SearchRole(
            name="rtdts-broadcaster",
            iam_role_arn=broadcaster_arn,
            cluster_actions=("cluster_composite_ops",),  # mget and bulk
            grants=(
                IndexGrant(patterns=(POSITIONS_PATTERN, LATEST_INDEX), actions=("read",)),
                # A dispatcher's changes to a truck that sends nothing.
                IndexGrant(patterns=(LATEST_INDEX,), actions=("index",)),
            ),
        ),
        SearchRole(
            name="rtdts-track",
            iam_role_arn=track_arn,
            cluster_actions=(),
            grants=(IndexGrant(patterns=(POSITIONS_PATTERN,), actions=("read",)),),
        ),
        SearchRole(
            name="rtdts-operations",
            iam_role_arn=operations_arn,
            # Bulk and mget; deleting and updating by query scroll through what they find.
            cluster_actions=("cluster_composite_ops", "indices:data/read/scroll*"),
            grants=(
                IndexGrant(
                    patterns=(RAW_PATTERN, POSITIONS_PATTERN, LATEST_INDEX, STATE_INDEX),
                    # Recent writes must be found, and the count must cover what is left.
                    actions=("crud", "indices:admin/refresh*"),
                ),
                # A replay may write to a day whose index was lost.
                IndexGrant(patterns=(RAW_PATTERN,), actions=("create_index",)),
            ),
        ),
    )
