"""Which AWS actions a deployable's code needs, through the stores that it uses.

A deployable calls methods of stores, and a store's method calls AWS. The AWS calls of each method
are listed here and compared with the stores' sources. The methods that a deployable calls are read
from its types.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Iterator

import botocore
import botocore.session

from tests.support.source_tree import ROOT, imports_of, python_files, syntax_of

Action = tuple[str, str]
"""An IAM action and the logical name of its resource."""


def _actions(*lines: str) -> set[Action]:
    """Parses lines of an action and its resource."""
    return {(action, name) for line in lines for action, *names in [line.split()] for name in names}


STORE_CALLS: dict[str, dict[str, set[Action]]] = {
    "rtdts/delivery_store/deliveries.py:DeliveryStore": {
        "get": _actions("dynamodb:GetItem deliveries"),
        "get_many": _actions("dynamodb:BatchGetItem deliveries"),
        "events": _actions("dynamodb:Query delivery-events"),
        "append": _actions(
            "dynamodb:GetItem deliveries",
            "dynamodb:PutItem deliveries delivery-events",
            "dynamodb:UpdateItem delivery-events truck-matches",
        ),
        "append_together": _actions("dynamodb:PutItem deliveries delivery-events"),
        "list_page": _actions(
            "dynamodb:BatchGetItem deliveries",
            "dynamodb:Query deliveries/index/by-customer deliveries/index/by-truck",
        ),
    },
    "rtdts/delivery_store/matches.py:MatchStore": {
        "open_matches": _actions("dynamodb:GetItem truck-matches"),
        "open_matches_many": _actions("dynamodb:BatchGetItem truck-matches"),
        "stops_of": _actions("dynamodb:BatchGetItem truck-matches"),
    },
    "rtdts/delivery_store/subscriptions.py:SubscriptionStore": {
        "add": _actions("dynamodb:PutItem subscriptions"),
        "has": _actions("dynamodb:GetItem subscriptions"),
        "find": _actions("dynamodb:GetItem subscriptions"),
        "remove": _actions("dynamodb:DeleteItem subscriptions"),
        "end": _actions("dynamodb:DeleteItem subscriptions"),
        "remove_endpoint": _actions(
            "dynamodb:BatchWriteItem subscriptions",
            "dynamodb:DeleteItem subscriptions",
            "dynamodb:Query subscriptions/index/by-endpoint",
        ),
        "of_topic": _actions("dynamodb:Query subscriptions"),
        "of_bucket": _actions("dynamodb:Query subscriptions/index/by-bucket"),
        "count_deliveries": _actions("dynamodb:Query subscriptions/index/by-endpoint"),
    },
    "rtdts/delivery_store/fleet_leases.py:FleetLeaseStore": {
        "acquire": _actions("dynamodb:PutItem subscriptions"),
        "release": _actions("dynamodb:DeleteItem subscriptions"),
    },
    "rtdts/delivery_store/socket_limits.py:SocketLimitStore": {
        "try_acquire": _actions("dynamodb:UpdateItem socket-limits"),
        "add_socket": _actions("dynamodb:UpdateItem socket-limits"),
        "replace_socket": _actions("dynamodb:UpdateItem socket-limits"),
        "remove_socket": _actions("dynamodb:UpdateItem socket-limits"),
    },
    "rtdts/delivery_store/shares.py:ShareStore": {
        "create": _actions(
            "dynamodb:ConditionCheckItem deliveries",
            "dynamodb:DeleteItem delivery-shares",
            "dynamodb:PutItem delivery-shares",
            "dynamodb:Query delivery-shares",
        ),
        "by_token": _actions("dynamodb:GetItem delivery-shares"),
        "get_many": _actions("dynamodb:BatchGetItem delivery-shares"),
        "live_and_revoked": _actions("dynamodb:Query delivery-shares"),
        "revoke": _actions("dynamodb:UpdateItem delivery-shares"),
        "acquire_ticket": _actions("dynamodb:UpdateItem delivery-shares"),
    },
    "rtdts/delivery_store/tickets.py:TicketStore": {
        "issue": _actions("dynamodb:PutItem socket-tickets"),
        "spend": _actions("dynamodb:DeleteItem socket-tickets"),
    },
    "rtdts/delivery_store/blocked_identities.py:BlockStore": {
        "block": _actions("dynamodb:PutItem blocked-identities"),
        "unblock": _actions("dynamodb:DeleteItem blocked-identities"),
        "in_force": _actions("dynamodb:Scan blocked-identities"),
    },
    "rtdts/delivery_store/block_list.py:BlockList": {
        "current": _actions("dynamodb:Scan blocked-identities"),
    },
    "rtdts/delivery_store/devices.py:DeviceStore": {
        "add": _actions("dynamodb:PutItem device-credentials"),
        "find": _actions("dynamodb:GetItem device-credentials"),
        "list_devices": _actions("dynamodb:Scan device-credentials"),
        "revoke": _actions(
            "dynamodb:DeleteItem device-credentials", "dynamodb:Scan device-credentials"
        ),
    },
    "rtdts/delivery_store/enrollments.py:EnrollmentStore": {
        "add": _actions("dynamodb:PutItem device-credentials"),
        "bind": _actions("dynamodb:UpdateItem device-credentials"),
    },
    "rtdts/delivery_store/known_devices.py:KnownDevices": {
        "holder": _actions("dynamodb:GetItem device-credentials"),
    },
    "rtdts/delivery_store/erasure.py:CustomerErasure": {
        "deliveries_of": _actions(
            "dynamodb:BatchGetItem deliveries", "dynamodb:Query deliveries/index/by-customer"
        ),
        "count_of": _actions(
            "dynamodb:GetItem deliveries",
            "dynamodb:Query delivery-events delivery-shares subscriptions",
        ),
        "write_tombstone": _actions(
            "dynamodb:PutItem deliveries", "dynamodb:UpdateItem truck-matches"
        ),
        "erase_delivery": _actions(
            "dynamodb:BatchWriteItem delivery-events delivery-shares subscriptions",
            "dynamodb:DeleteItem delivery-events delivery-shares subscriptions",
            "dynamodb:PutItem deliveries",
            "dynamodb:Query delivery-events delivery-shares subscriptions",
        ),
        "count_sessions": _actions("dynamodb:Scan socket-tickets subscriptions"),
        "erase_sessions": _actions(
            "dynamodb:BatchWriteItem socket-tickets subscriptions",
            "dynamodb:DeleteItem socket-tickets subscriptions",
            "dynamodb:Scan socket-tickets subscriptions",
        ),
    },
    "rtdts/push_queue/nudge_queue.py:NudgeQueue": {
        "send": _actions("sqs:SendMessage nudges.fifo"),
        "send_many": _actions("sqs:SendMessage nudges.fifo"),
        "receive": _actions(
            "sqs:DeleteMessage nudges.fifo",
            "sqs:ReceiveMessage nudges.fifo",
            "sqs:SendMessage nudges-dead.fifo",
        ),
        "delete": _actions("sqs:DeleteMessage nudges.fifo"),
        "dead_letter": _actions(
            "sqs:DeleteMessage nudges.fifo", "sqs:SendMessage nudges-dead.fifo"
        ),
    },
    "rtdts/push_queue/snapshot_queue.py:SnapshotQueue": {
        "send": _actions("sqs:SendMessage snapshots.fifo"),
        "send_many": _actions("sqs:SendMessage snapshots.fifo"),
        "receive": _actions(
            "sqs:DeleteMessage snapshots.fifo",
            "sqs:ReceiveMessage snapshots.fifo",
            "sqs:SendMessage snapshots-dead.fifo",
        ),
        "delete": _actions("sqs:DeleteMessage snapshots.fifo"),
        "dead_letter": _actions(
            "sqs:DeleteMessage snapshots.fifo", "sqs:SendMessage snapshots-dead.fifo"
        ),
    },
    "rtdts/push_queue/round_queue.py:RoundQueue": {
        "send": _actions("sqs:SendMessage rounds.fifo"),
        "send_many": _actions("sqs:SendMessage rounds.fifo"),
        "receive": _actions("sqs:DeleteMessage rounds.fifo", "sqs:ReceiveMessage rounds.fifo"),
        "extend": _actions("sqs:ChangeMessageVisibility rounds.fifo"),
        "release": _actions("sqs:ChangeMessageVisibility rounds.fifo"),
        "delete": _actions("sqs:DeleteMessage rounds.fifo"),
        "dead_letter": _actions("sqs:DeleteMessage rounds.fifo"),
    },
    "rtdts/telemetry_stream/parking.py:Parking": {
        "park": _actions("s3:PutObject parked/rejected/*"),
        "park_message": _actions("s3:PutObject parked/rejected/*"),
        "park_messages": _actions("s3:PutObject parked/rejected/*"),
        "park_points": _actions("s3:PutObject parked/rejected/*"),
    },
    "rtdts/telemetry_stream/parked_records.py:ParkedRecords": {
        "entries": _actions("s3:ListBucket parked"),
        "read": _actions("s3:GetObject parked/rejected/*"),
        "remove": _actions("s3:DeleteObject parked/rejected/*"),
        "erase_truck": _actions(
            "s3:DeleteObjectVersion parked/rejected/*",
            "s3:GetObjectVersion parked/rejected/*",
            "s3:ListBucketVersions parked",
        ),
    },
    "rtdts/telemetry_stream/set_aside.py:SetAsideBatches": {
        "entries": _actions("s3:ListBucket parked"),
        "messages": _actions("s3:GetObject parked/aws/lambda/*"),
        "remove": _actions("s3:DeleteObject parked/aws/lambda/*"),
        "erase_truck": _actions(
            "s3:DeleteObjectVersion parked/aws/lambda/*",
            "s3:GetObjectVersion parked/aws/lambda/*",
            "s3:ListBucketVersions parked",
            "s3:PutObject parked/aws/lambda/*",
        ),
    },
    "rtdts/telemetry_stream/firehose_backup.py:FirehoseBackup": {
        "keys": _actions("s3:ListBucket raw-backup"),
        "read": _actions("s3:GetObject raw-backup/failed/* raw-backup/points/*"),
        "erase_truck": _actions(
            "s3:DeleteObjectVersion raw-backup/failed/* raw-backup/points/*",
            "s3:GetObjectVersion raw-backup/failed/* raw-backup/points/*",
            "s3:ListBucketVersions raw-backup",
            "s3:PutObject raw-backup/failed/* raw-backup/points/*",
        ),
    },
    "rtdts/telemetry_stream/failed_messages.py:FailedMessages": {
        "receive": _actions("sqs:ReceiveMessage failed-device-messages"),
        "delete": _actions("sqs:DeleteMessage failed-device-messages"),
    },
    "rtdts/telemetry_stream/device_stream.py:DeviceStream": {
        "put_messages": _actions("kinesis:PutRecords device-messages"),
    },
    "rtdts/telemetry_stream/shard_range.py:ShardRanges": {
        "of_shard": _actions("kinesis:ListShards telemetry"),
    },
    "rtdts/telemetry_stream/stream_retention.py:StreamRetention": {
        "hours": _actions("kinesis:DescribeStreamSummary telemetry"),
    },
    "rtdts/telemetry_stream/putter.py:StreamPutter": {
        "put": _actions("kinesis:PutRecords telemetry"),
        "put_all": _actions("kinesis:PutRecords telemetry"),
    },
    "socket_lambda/connection.py:ConnectionPoster": {
        "post": _actions("execute-api:ManageConnections live/POST/@connections/*"),
        "end": _actions("execute-api:ManageConnections live/DELETE/@connections/*"),
    },
    "broadcaster/poster.py:SocketPoster": {
        "post": _actions("execute-api:ManageConnections live/POST/@connections/*"),
        "end": _actions("execute-api:ManageConnections live/DELETE/@connections/*"),
    },
}
"""The actions of a method, by the store's source and class, and by the method."""

_SERVICES = ("apigatewaymanagementapi", "dynamodb", "kinesis", "s3", "sqs")

_IAM_NAMES: dict[str, set[str]] = {
    "apigatewaymanagementapi:DeleteConnection": {"execute-api:ManageConnections"},
    "apigatewaymanagementapi:PostToConnection": {"execute-api:ManageConnections"},
    "dynamodb:TransactWriteItems": set(),  # IAM allows each of its writes separately
    # With a version, IAM checks the action for versions.
    "s3:DeleteObject": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "s3:GetObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
}
"""IAM's name of an operation of the SDK, if it is not its own name without ``Batch``."""

_TRANSACTION_WRITES = {"ConditionCheck", "Delete", "Put", "Update"}


@functools.cache
def _sdk_operations() -> dict[str, str]:
    """Returns the operation with its service, by the client's method."""
    loaded = botocore.session.get_session()
    return {
        botocore.xform_name(name): f"{service}:{name}"
        for service in _SERVICES
        for name in loaded.get_service_model(service).operation_names
    }


def operations_called(package: str) -> set[str]:
    """Returns the IAM actions of the operations and transaction writes that a package calls."""
    actions: set[str] = set()
    for path in python_files(package):
        for node in ast.walk(syntax_of(path)):
            match node:
                case ast.Call(func=ast.Attribute(attr=method)) if method in _sdk_operations():
                    name = _sdk_operations()[method]
                    actions |= _IAM_NAMES.get(name, {name.removesuffix("Batch")})
                case ast.Dict(keys=[ast.Constant(value=write)]) if write in _TRANSACTION_WRITES:
                    actions.add(f"dynamodb:{write}Item")
    return actions


def public_methods(store: str) -> set[str]:
    """Returns the public methods of a store, by its name in `STORE_CALLS`."""
    return {name for name in _methods_of(store) if not name.startswith("_")}


def actions_of(deployable: str, *, modules: set[str] | None = None) -> set[Action]:
    """Returns the actions that a deployable's code needs.

    Args:
        deployable: Its package.
        modules: The modules whose code counts; None for all.
    """
    actions: set[Action] = set()
    for store in stores_made(deployable):
        for method in methods_called(deployable, store, modules=modules):
            called = STORE_CALLS[store][method]
            if method == "append" and not _changes_matches(deployable):
                # It does not close a delivery either, which would remove it from its truck.
                called = {one for one in called if one[0] != "dynamodb:UpdateItem"}
            actions |= called
    return actions


def stores_made(deployable: str) -> set[str]:
    """Returns the stores that its bootstraps create."""
    made = {
        node.func.id
        for path in (ROOT / deployable).glob("*bootstrap.py")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return {store for store in STORE_CALLS if store.rpartition(":")[2] in made}


def methods_called(
    deployable: str, store: str, *, modules: set[str] | None = None
) -> Iterator[str]:
    """Returns the methods of a store that a deployable can call in these modules.

    It calls a store through a protocol that the store satisfies, or by a name that is declared or
    assigned as that store. The type checker allows no other way.
    """
    nodes = [node for module, node in _nodes(deployable) if not modules or module in modules]
    satisfied = [
        methods
        for node in nodes
        if isinstance(node, ast.ClassDef) and "Protocol" in map(_last_name, node.bases)
        if _is_satisfied(methods := _methods(node), _methods_of(store))
    ]
    name = store.rpartition(":")[2]
    names = set(_names_of(deployable, name))
    holders = {name, *names, *(f"_{one}" for one in names)}  # as a constructor stores it
    for method in public_methods(store):
        if any(method in methods for methods in satisfied) or any(
            isinstance(node, ast.Attribute)
            and node.attr == method
            and _last_name(node.value) in holders
            for node in nodes
        ):
            yield method


@functools.cache
def _nodes(deployable: str) -> list[tuple[str, ast.AST]]:
    """Returns the syntax of its modules, and of library modules that call its stores."""
    paths = python_files(deployable)
    if any("rtdts.ingest.intake" in imports_of(path) for path in paths):
        paths += python_files("rtdts/ingest")
    return [(path.stem, node) for path in paths for node in ast.walk(syntax_of(path))]


def _names_of(deployable: str, store: str) -> Iterator[str]:
    """Returns the names that are declared or assigned as a store's class."""
    for _, node in _nodes(deployable):
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as of):
                pass
            case ast.AnnAssign(target=target, annotation=of):
                name = _last_name(target)
            case ast.Assign(targets=[target], value=ast.Call(func=of)):
                name = _last_name(target)
            case _:
                continue
        if any(isinstance(part, ast.Name) and part.id == store for part in ast.walk(of)):
            yield name


def _methods_of(store: str) -> dict[str, set[str]]:
    """The names of the parameters of a store's methods, inherited ones included."""
    path, _, name = store.partition(":")
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    methods = inspect.getmembers(getattr(module, name), inspect.isfunction)
    return {name: set(inspect.signature(method).parameters) for name, method in methods}


def _methods(of: ast.ClassDef) -> dict[str, set[str]]:
    """Returns the names of each method's public parameters."""
    return {
        node.name: {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
        for node in of.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _is_satisfied(protocol: dict[str, set[str]], methods: dict[str, set[str]]) -> bool:
    return bool(protocol) and all(
        name in methods and parameters <= methods[name] for name, parameters in protocol.items()
    )


def _changes_matches(deployable: str) -> bool:
    """Returns whether any of its calls may write a truck's matches."""
    return any(
        keyword.arg == "matches"
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        for _, node in _nodes(deployable)
        if isinstance(node, ast.Call) and _last_name(node.func) == "append"
        for keyword in node.keywords
    )


def _last_name(node: ast.expr) -> str:
    """Returns the last name of an expression: for a call, that of the called function."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Call(func=called):
            return _last_name(called)
    return ""
