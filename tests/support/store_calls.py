"""Which AWS actions a deployable's code leads to, by way of the stores that it is given.

A deployable calls methods of stores; a store's method calls AWS. The second is written down here
and held against the stores' sources; the first is read from the deployables' sources. What can't
be told by reading errs on the safe side: it counts as a call until it is listed as none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.source_tree import ROOT, imports_of, python_files, syntax_of

Action = tuple[str, str]
"""An IAM action and the logical name of what it is done to."""


def _deleted(table: str) -> set[Action]:
    return {("dynamodb:BatchWriteItem", table), ("dynamodb:DeleteItem", table)}


STORE_CALLS: dict[str, dict[str, set[Action]]] = {
    "rtdts/delivery_store/deliveries.py:DeliveryStore": {
        "get": {("dynamodb:GetItem", "deliveries")},
        "get_many": {("dynamodb:BatchGetItem", "deliveries")},
        "events": {("dynamodb:Query", "delivery-events")},
        "append": {
            ("dynamodb:GetItem", "deliveries"),
            ("dynamodb:PutItem", "deliveries"),
            ("dynamodb:PutItem", "delivery-events"),
            ("dynamodb:UpdateItem", "delivery-events"),
            ("dynamodb:UpdateItem", "truck-matches"),
        },
        "append_together": {
            ("dynamodb:PutItem", "deliveries"),
            ("dynamodb:PutItem", "delivery-events"),
        },
        "list_page": {
            ("dynamodb:BatchGetItem", "deliveries"),
            ("dynamodb:Query", "deliveries/index/by-customer"),
            ("dynamodb:Query", "deliveries/index/by-truck"),
        },
    },
    "rtdts/delivery_store/matches.py:MatchStore": {
        "open_matches": {("dynamodb:GetItem", "truck-matches")},
        "open_matches_many": {("dynamodb:BatchGetItem", "truck-matches")},
        "stops_of": {("dynamodb:BatchGetItem", "truck-matches")},
    },
    "rtdts/delivery_store/subscriptions.py:SubscriptionStore": {
        "add": {("dynamodb:PutItem", "subscriptions")},
        "has": {("dynamodb:GetItem", "subscriptions")},
        "find": {("dynamodb:GetItem", "subscriptions")},
        "remove": {("dynamodb:DeleteItem", "subscriptions")},
        "end": {("dynamodb:DeleteItem", "subscriptions")},
        "remove_endpoint": {
            ("dynamodb:BatchWriteItem", "subscriptions"),
            ("dynamodb:DeleteItem", "subscriptions"),
            ("dynamodb:Query", "subscriptions/index/by-endpoint"),
        },
        "of_topic": {("dynamodb:Query", "subscriptions")},
        "of_bucket": {("dynamodb:Query", "subscriptions/index/by-bucket")},
        "count_deliveries": {("dynamodb:Query", "subscriptions/index/by-endpoint")},
    },
    "rtdts/delivery_store/fleet_leases.py:FleetLeaseStore": {
        "take": {("dynamodb:PutItem", "subscriptions")},
        "give_back": {("dynamodb:DeleteItem", "subscriptions")},
    },
    "rtdts/delivery_store/socket_limits.py:SocketLimitStore": {
        method: {("dynamodb:UpdateItem", "socket-limits")}
        for method in ("take", "add_socket", "replace_socket", "remove_socket")
    },
    "rtdts/delivery_store/shares.py:ShareStore": {
        "create": {
            ("dynamodb:ConditionCheckItem", "deliveries"),
            ("dynamodb:DeleteItem", "delivery-shares"),
            ("dynamodb:PutItem", "delivery-shares"),
            ("dynamodb:Query", "delivery-shares"),
        },
        "by_token": {("dynamodb:GetItem", "delivery-shares")},
        "get_many": {("dynamodb:BatchGetItem", "delivery-shares")},
        "live_and_revoked": {("dynamodb:Query", "delivery-shares")},
        "revoke": {("dynamodb:UpdateItem", "delivery-shares")},
        "take_ticket": {("dynamodb:UpdateItem", "delivery-shares")},
    },
    "rtdts/delivery_store/tickets.py:TicketStore": {
        "issue": {("dynamodb:PutItem", "socket-tickets")},
        "spend": {("dynamodb:DeleteItem", "socket-tickets")},
    },
    "rtdts/delivery_store/blocked_identities.py:BlockStore": {
        "block": {("dynamodb:PutItem", "blocked-identities")},
        "unblock": {("dynamodb:DeleteItem", "blocked-identities")},
        "in_force": {("dynamodb:Scan", "blocked-identities")},
    },
    "rtdts/delivery_store/block_list.py:BlockList": {
        "current": {("dynamodb:Scan", "blocked-identities")},
    },
    "rtdts/delivery_store/devices.py:DeviceStore": {
        "add": {("dynamodb:PutItem", "device-credentials")},
        "find": {("dynamodb:GetItem", "device-credentials")},
        "all_of": {("dynamodb:Scan", "device-credentials")},
        "revoke": {
            ("dynamodb:DeleteItem", "device-credentials"),
            ("dynamodb:Scan", "device-credentials"),
        },
    },
    "rtdts/delivery_store/enrollments.py:EnrollmentStore": {
        "add": {("dynamodb:PutItem", "device-credentials")},
        "bind": {("dynamodb:UpdateItem", "device-credentials")},
    },
    "rtdts/delivery_store/known_devices.py:KnownDevices": {
        "holder": {("dynamodb:GetItem", "device-credentials")},
    },
    "rtdts/delivery_store/erasure.py:CustomerErasure": {
        "deliveries_of": {
            ("dynamodb:BatchGetItem", "deliveries"),
            ("dynamodb:Query", "deliveries/index/by-customer"),
        },
        "count_of": {
            ("dynamodb:GetItem", "deliveries"),
            ("dynamodb:Query", "delivery-events"),
            ("dynamodb:Query", "delivery-shares"),
            ("dynamodb:Query", "subscriptions"),
        },
        "bury": {
            ("dynamodb:PutItem", "deliveries"),
            ("dynamodb:UpdateItem", "truck-matches"),
        },
        "erase_delivery": {
            ("dynamodb:PutItem", "deliveries"),
            *_deleted("delivery-events"),
            *_deleted("delivery-shares"),
            *_deleted("subscriptions"),
            ("dynamodb:Query", "delivery-events"),
            ("dynamodb:Query", "delivery-shares"),
            ("dynamodb:Query", "subscriptions"),
        },
        "count_sessions": {
            ("dynamodb:Scan", "socket-tickets"),
            ("dynamodb:Scan", "subscriptions"),
        },
        "erase_sessions": {
            ("dynamodb:Scan", "socket-tickets"),
            ("dynamodb:Scan", "subscriptions"),
            *_deleted("socket-tickets"),
            *_deleted("subscriptions"),
        },
    },
    "rtdts/push_queue/nudge_queue.py:NudgeQueue": {
        "send": {("sqs:SendMessage", "nudges.fifo")},
        "send_many": {("sqs:SendMessage", "nudges.fifo")},
        "receive": {
            ("sqs:ReceiveMessage", "nudges.fifo"),
            ("sqs:DeleteMessage", "nudges.fifo"),
            ("sqs:SendMessage", "nudges-dead.fifo"),
        },
        "delete": {("sqs:DeleteMessage", "nudges.fifo")},
        "bury": {("sqs:DeleteMessage", "nudges.fifo"), ("sqs:SendMessage", "nudges-dead.fifo")},
    },
    "rtdts/push_queue/snapshot_queue.py:SnapshotQueue": {
        "send": {("sqs:SendMessage", "snapshots.fifo")},
        "receive": {
            ("sqs:ReceiveMessage", "snapshots.fifo"),
            ("sqs:DeleteMessage", "snapshots.fifo"),
            ("sqs:SendMessage", "snapshots-dead.fifo"),
        },
        "delete": {("sqs:DeleteMessage", "snapshots.fifo")},
        "bury": {
            ("sqs:DeleteMessage", "snapshots.fifo"),
            ("sqs:SendMessage", "snapshots-dead.fifo"),
        },
    },
    "rtdts/push_queue/round_queue.py:RoundQueue": {
        "send_buckets": {("sqs:SendMessage", "rounds.fifo")},
        "receive": {("sqs:ReceiveMessage", "rounds.fifo"), ("sqs:DeleteMessage", "rounds.fifo")},
        "extend": {("sqs:ChangeMessageVisibility", "rounds.fifo")},
        "give_back": {("sqs:ChangeMessageVisibility", "rounds.fifo")},
        "delete": {("sqs:DeleteMessage", "rounds.fifo")},
    },
    "rtdts/telemetry_stream/parking.py:Parking": {
        "park": {("s3:PutObject", "parked/rejected/*")},
        "park_message": {("s3:PutObject", "parked/rejected/*")},
    },
    "rtdts/telemetry_stream/parked_records.py:ParkedRecords": {
        "entries": {("s3:ListBucket", "parked")},
        "read": {("s3:GetObject", "parked/rejected/*")},
        "take_out": {("s3:DeleteObject", "parked/rejected/*")},
        "erase_truck": {
            ("s3:ListBucketVersions", "parked"),
            ("s3:GetObjectVersion", "parked/rejected/*"),
            ("s3:DeleteObjectVersion", "parked/rejected/*"),
        },
    },
    "rtdts/telemetry_stream/set_aside.py:SetAsideBatches": {
        "entries": {("s3:ListBucket", "parked")},
        "messages": {("s3:GetObject", "parked/aws/lambda/*")},
        "take_out": {("s3:DeleteObject", "parked/aws/lambda/*")},
        "erase_truck": {
            ("s3:ListBucketVersions", "parked"),
            *(
                (f"s3:{action}", "parked/aws/lambda/*")
                for action in ("GetObjectVersion", "PutObject", "DeleteObjectVersion")
            ),
        },
    },
    "rtdts/telemetry_stream/firehose_backup.py:FirehoseBackup": {
        "keys": {("s3:ListBucket", "raw-backup")},
        "read": {("s3:GetObject", f"raw-backup/{folder}/*") for folder in ("points", "failed")},
        "erase_truck": {
            ("s3:ListBucketVersions", "raw-backup"),
            *(
                (f"s3:{action}", f"raw-backup/{folder}/*")
                for action in ("GetObjectVersion", "PutObject", "DeleteObjectVersion")
                for folder in ("points", "failed")
            ),
        },
    },
    "rtdts/telemetry_stream/failed_messages.py:FailedMessages": {
        "receive": {("sqs:ReceiveMessage", "failed-device-messages")},
        "delete": {("sqs:DeleteMessage", "failed-device-messages")},
    },
    "rtdts/telemetry_stream/device_stream.py:DeviceStream": {
        "put_messages": {("kinesis:PutRecords", "device-messages")},
    },
    "rtdts/telemetry_stream/shard_range.py:ShardRanges": {
        "of_shard": {("kinesis:ListShards", "telemetry")},
    },
    "rtdts/telemetry_stream/stream_retention.py:StreamRetention": {
        "hours": {("kinesis:DescribeStreamSummary", "telemetry")},
    },
    "rtdts/telemetry_stream/putter.py:StreamPutter": {
        "put": {("kinesis:PutRecords", "telemetry")},
        "put_all": {("kinesis:PutRecords", "telemetry")},
    },
    "socket_lambda/connection.py:ConnectionPoster": {
        "post": {("execute-api:ManageConnections", "live/POST/@connections/*")},
        "end": {("execute-api:ManageConnections", "live/DELETE/@connections/*")},
    },
    "broadcaster/poster.py:SocketPoster": {
        "post": {("execute-api:ManageConnections", "live/POST/@connections/*")},
        "end": {("execute-api:ManageConnections", "live/DELETE/@connections/*")},
    },
}
"""By a store's source and class, and its method, what the method does."""

OPERATIONS = {
    "rtdts/delivery_store": {
        "batch_get_item": {"dynamodb:BatchGetItem"},
        "batch_write_item": {"dynamodb:BatchWriteItem"},
        "delete_item": {"dynamodb:DeleteItem"},
        "get_item": {"dynamodb:GetItem"},
        "put_item": {"dynamodb:PutItem"},
        "query": {"dynamodb:Query"},
        "scan": {"dynamodb:Scan"},
        "update_item": {"dynamodb:UpdateItem"},
        # Each write of a transaction is allowed for itself.
        "transact_write_items": {
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
        },
    },
    "rtdts/push_queue": {
        "change_message_visibility_batch": {"sqs:ChangeMessageVisibility"},
        "delete_message": {"sqs:DeleteMessage"},
        "delete_message_batch": {"sqs:DeleteMessage"},
        "receive_message": {"sqs:ReceiveMessage"},
        "send_message": {"sqs:SendMessage"},
        "send_message_batch": {"sqs:SendMessage"},
    },
    "rtdts/telemetry_stream": {
        "delete_message_batch": {"sqs:DeleteMessage"},
        # With a version named, it is the version's action.
        "delete_object": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
        "describe_stream_summary": {"kinesis:DescribeStreamSummary"},
        "get_object": {"s3:GetObject", "s3:GetObjectVersion"},
        "list_object_versions": {"s3:ListBucketVersions"},
        "list_objects_v2": {"s3:ListBucket"},
        "list_shards": {"kinesis:ListShards"},
        "put_object": {"s3:PutObject"},
        "put_records": {"kinesis:PutRecords"},
        "receive_message": {"sqs:ReceiveMessage"},
    },
    "socket_lambda": {
        "delete_connection": {"execute-api:ManageConnections"},
        "post_to_connection": {"execute-api:ManageConnections"},
    },
}
"""By package the SDK's operations that its sources call, and what IAM calls them."""

TRANSACTION_WRITES = {"ConditionCheck", "Put", "Update"}
"""The kinds of write in transactions, on which the actions of `transact_write_items` rest."""

_OF_CONTAINERS = {"add", "append", "get", "remove", "send"}
"""Methods that a store has in common with lists, sets, mappings and others."""

_NO_STORES: dict[str, set[str]] = {
    "ingest_lambda": {"metrics"},
    "delivery_lambda": {"_attempts", "headers", "query", "rejection_lines", "requests"},
    "socket_lambda": {"_free", "_keys", "response"},
    "consumer": {"_cached", "environ", "response"},
    "broadcaster": {
        "_shown",
        "_known_leases",
        "_paused_until_s",
        "_deliveries@round_report",  # a set of ids
        "_following_up",
        "_handling",
        "_hanging",
        "_holding",
        "_http",
        "_last",
        "_latest",
        "_left_out",
        "_lines",
        "_limited",
        "_open",
        "_waiting",
        "by_id",  # deliveries that were read
        "_held",  # reports
    },
}
"""By deployable, attributes with a store's method that are no stores; ``@`` narrows to a module."""


def operations_called(package: str) -> set[str]:
    """The SDK's operations that a package's sources call: methods of something named a client."""
    return {
        node.func.attr
        for path in python_files(package)
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _last_name(node.func.value).endswith("client")
        and node.func.attr not in {"get_paginator"}
    }


def transaction_writes(package: str) -> set[str]:
    """The kinds of write that a package's sources put into transactions."""
    kinds = {"Put", "Update", "Delete", "ConditionCheck"}
    return {
        key.value
        for path in python_files(package)
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and key.value in kinds
    }


def public_methods(store: str) -> set[str]:
    """The public methods of a store, as `STORE_CALLS` names it."""
    path, _, name = store.partition(":")
    (found,) = [
        node
        for node in ast.walk(syntax_of(ROOT / path))
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    return {
        node.name
        for node in found.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
    }


def actions_of(deployable: str, *, modules: set[str] | None = None) -> set[Action]:
    """What a deployable's code leads to.

    Args:
        deployable: Its package.
        modules: Only what stands in these modules of it.
    """
    built = _stores_built(deployable)
    actions: set[Action] = set()
    for store in built:
        for method, called in STORE_CALLS[store].items():
            if any(_uses(deployable, method, modules)):
                actions |= called
                if method == "append" and not _changes_matches(deployable):
                    # Nor does it close a delivery: that takes it from its truck.
                    actions -= {
                        ("dynamodb:UpdateItem", "truck-matches"),
                        ("dynamodb:UpdateItem", "delivery-events"),
                    }
    return actions


def _stores_built(deployable: str) -> set[str]:
    """The stores that its bootstraps make."""
    made = {
        node.func.id
        for path in (ROOT / deployable).glob("*bootstrap.py")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return {store for store in STORE_CALLS if store.rpartition(":")[2] in made}


def _sources(deployable: str) -> list[Path]:
    """Its sources, and the library's that call a store which the deployable gives them."""
    own = python_files(deployable)
    takes_points = any("rtdts.ingest.intake" in imports_of(path) for path in own)
    return [*own, *(python_files("rtdts/ingest") if takes_points else ())]


def _uses(deployable: str, method: str, modules: set[str] | None) -> Iterator[bool]:
    for path in _sources(deployable):
        if modules is not None and path.stem not in modules:
            continue
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.Attribute) and node.attr == method:
                yield _is_use(deployable, path, node)


def _is_use(deployable: str, path: Path, node: ast.Attribute) -> bool:
    if isinstance(node.value, ast.Attribute):
        holder = node.value.attr
        return not _NO_STORES.get(deployable, set()) & {holder, f"{holder}@{path.stem}"}
    # A local list, set or mapping: stores are attributes of what uses them.
    return node.attr not in _OF_CONTAINERS


def _changes_matches(deployable: str) -> bool:
    """Whether any of its calls may write a truck's matches."""
    return any(
        keyword.arg == "matches"
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        for path in python_files(deployable)
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "append"
        for keyword in node.keywords
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
