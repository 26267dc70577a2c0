"""An infrastructure as facts, each with a path and a value.

Both clouds are converted to this form, so that comparing them means comparing two mappings.
Names omit the parts that differ between environments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deploy.terraform_tools import resources_of
from sim.environment import Environment
from tests.support.recording_cloud import RecordingSession

Facts = dict[str, Any]

ACCOUNT = "123456789012"
COMPARED_VALUES = re.compile(r"_TABLE$|^STREAM_NAME$|^KCL_APPLICATION_NAME$|^AUDIENCE$")
"""Variables whose values are compared (names); for others, only whether they are set."""


def short(name: str, prefix: str) -> str:
    """Returns a name without its environment's prefix and the account's number."""
    return name.removeprefix(f"{prefix}-").removesuffix(f"-{ACCOUNT}")


def variables(path: str, values: Mapping[str, str], prefix: str) -> Iterator[tuple[str, Any]]:
    """The facts of a deployable's environment."""
    for name, value in values.items():
        compared = bool(COMPARED_VALUES.search(name))
        yield f"{path}/environment/{name}", short(value, prefix) if compared else "set"


def table(name: str, keys: Mapping[str, str | None], more: Facts) -> Iterator[tuple[str, Any]]:
    """The facts of a table."""
    yield f"tables/{name}/keys", dict(keys)
    for path, value in more.items():
        yield f"tables/{name}/{path}", value


# --- the local cloud, from its requests


def local_facts(
    session: RecordingSession,
    environment: Environment,
    containers: Mapping[str, Mapping[str, str]],
) -> Facts:
    """The facts of the local cloud.

    Args:
        session: Its requests to AWS.
        environment: The environment of its parts.
        containers: Each container's variables, without those of the local machine.
    """
    return dict(
        [
            *_local_stores(session),
            *_local_functions(session),
            *_local_gateways(session),
            *(
                fact
                for name, values in containers.items()
                for fact in variables(f"containers/{name}", values, "rtdts")
            ),
            ("parked_bucket", short(environment.parked_bucket, "rtdts")),
            ("raw_backup_bucket", short(environment.raw_backup_bucket, "rtdts")),
        ]
    )


def _schema(schema: Iterable[Mapping[str, str]]) -> dict[str, str | None]:
    keys = {key["KeyType"]: key["AttributeName"] for key in schema}
    return {"hash": keys["HASH"], "range": keys.get("RANGE")}


def _local_stores(session: RecordingSession) -> Iterator[tuple[str, Any]]:
    expiries = {
        one["TableName"]: one["TimeToLiveSpecification"]["AttributeName"]
        for one in session.made("update_time_to_live")
    }
    for one in session.made("create_table"):
        more: Facts = {
            "attributes": {
                a["AttributeName"]: a["AttributeType"] for a in one["AttributeDefinitions"]
            },
            "billing": one["BillingMode"],
            "expiry": expiries.get(one["TableName"]),
        }
        for index in one.get("GlobalSecondaryIndexes", ()):
            projection = index["Projection"]
            more[f"indexes/{index['IndexName']}"] = {
                **_schema(index["KeySchema"]),
                "projection": projection["ProjectionType"],
                "included": sorted(projection.get("NonKeyAttributes", ())),
            }
        yield from table(short(one["TableName"], "rtdts"), _schema(one["KeySchema"]), more)
    for one in session.made("create_queue"):
        attributes = dict(one["Attributes"])
        redrive = json.loads(attributes.pop("RedrivePolicy", "{}"))
        path = f"queues/{short(one['QueueName'], 'rtdts')}"
        yield f"{path}/attributes", attributes
        if redrive:
            yield f"{path}/max_receive_count", redrive["maxReceiveCount"]
    for one in session.made("create_stream"):
        yield "stream/name", short(one["StreamName"], "rtdts")
        yield "stream/shards", one["ShardCount"]


def _local_functions(session: RecordingSession) -> Iterator[tuple[str, Any]]:
    for one in session.made("create_function"):
        path = f"functions/{short(one['FunctionName'], 'rtdts')}"
        yield f"{path}/handler", one["Handler"]
        yield f"{path}/runtime", one["Runtime"]
        yield f"{path}/timeout_s", one["Timeout"]
        yield f"{path}/memory_mb", one["MemorySize"]
        yield from variables(path, one["Environment"]["Variables"], "rtdts")


def _local_gateways(session: RecordingSession) -> Iterator[tuple[str, Any]]:
    _http, socket = session.made("create_api")
    yield "socket/route_selection", socket["RouteSelectionExpression"]
    stages = [one["StageName"] for one in session.made("create_stage")]
    yield "http/stage", stages[0]
    yield "socket/stage", stages[1]
    for one in session.made("create_authorizer"):
        kind = "http" if one["AuthorizerType"] == "JWT" else "socket"
        yield f"{kind}/authorizer/type", one["AuthorizerType"]
        yield f"{kind}/authorizer/sources", sorted(one["IdentitySource"])
    for one in session.made("create_integration"):
        if "PayloadFormatVersion" in one:
            yield "http/payload_format", one["PayloadFormatVersion"]
    functions = _behind(session)
    for one in session.made("create_route"):
        kind = "socket" if "AuthorizationType" not in one or "CUSTOM" in one.values() else "http"
        path = f"{kind}/routes/{one['RouteKey']}"
        yield f"{path}/authorization", one.get("AuthorizationType", "NONE")
        yield f"{path}/function", functions[one["Target"].partition("/")[2]]
        yield f"{path}/response", one.get("RouteResponseSelectionExpression")


def _behind(session: RecordingSession) -> dict[str, str]:
    """Returns the function of an integration, by the id from the recording client."""
    made = [
        one for one in session.requests if one.service == "apigatewayv2"
    ]  # a recording client numbers its calls
    return {
        f"integration{number}": _function_of(one.arguments["IntegrationUri"], "rtdts")
        for number, one in enumerate(made, start=1)
        if one.operation == "create_integration"
    }


def _function_of(uri: str, prefix: str) -> str:
    found = re.search(rf"{prefix}-([a-z-]+)(?:/invocations)?$", uri)
    assert found is not None, uri
    return found.group(1)


# --- an account, from the state after a mocked apply


def aws_facts(state: Mapping[str, Any], prefix: str) -> Facts:
    """The facts of an environment.

    Args:
        state: From `deploy.terraform_tools.Terraform.test_of_environment`.
        prefix: The prefix of its names.
    """
    resources = list(resources_of(state))
    return dict(
        [
            *_aws_stores(resources, prefix),
            *_aws_functions(resources, prefix),
            *_aws_gateways(resources),
        ]
    )


Resources = list[tuple[str, str, Mapping[str, Any]]]


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Addresses and values of the resources of a type."""
    return ((address, values) for address, type_, values in resources if type_ == kind)


def _aws_stores(resources: Resources, prefix: str) -> Iterator[tuple[str, Any]]:
    for _, one in of_type(resources, "aws_dynamodb_table"):
        more: Facts = {
            "attributes": {a["name"]: a["type"] for a in one["attribute"]},
            "billing": one["billing_mode"],
            "expiry": one["ttl"][0]["attribute_name"] if one["ttl"] else None,
        }
        for index in one["global_secondary_index"]:
            more[f"indexes/{index['name']}"] = {
                "hash": index["hash_key"],
                "range": index["range_key"],
                "projection": index["projection_type"],
                "included": sorted(index["non_key_attributes"] or ()),
            }
        keys = {"hash": one["hash_key"], "range": one["range_key"]}
        yield from table(short(one["name"], prefix), keys, more)
    for address, one in of_type(resources, "aws_sqs_queue"):
        attributes = {
            "FifoQueue": str(one["fifo_queue"]).lower(),
            "DeduplicationScope": one["deduplication_scope"],
            "FifoThroughputLimit": one["fifo_throughput_limit"],
            "MessageRetentionPeriod": str(one["message_retention_seconds"]),
        }
        path = f"queues/{short(one['name'], prefix)}"
        if ".dead_letter" not in address:
            attributes["VisibilityTimeout"] = str(one["visibility_timeout_seconds"])
            if one["redrive_policy"]:
                redrive = json.loads(one["redrive_policy"])
                yield f"{path}/max_receive_count", redrive["maxReceiveCount"]
        yield f"{path}/attributes", attributes
    for address, one in of_type(resources, "aws_kinesis_stream"):
        path = "device_messages" if ".iot_ingest" in address else "stream"
        yield f"{path}/name", short(one["name"], prefix)
        yield f"{path}/shards", one["shard_count"]
    for address, one in of_type(resources, "aws_s3_bucket"):
        name = address.split(".")[3]
        yield f"{name}_bucket", short(one["bucket"], prefix)


def _aws_functions(resources: Resources, prefix: str) -> Iterator[tuple[str, Any]]:
    for _, one in of_type(resources, "aws_lambda_function"):
        path = f"functions/{short(one['function_name'], prefix)}"
        yield f"{path}/handler", one["handler"]
        yield f"{path}/runtime", one["runtime"]
        yield f"{path}/timeout_s", one["timeout"]
        yield f"{path}/memory_mb", one["memory_size"]
        yield from variables(path, one["environment"][0]["variables"], prefix)
    for _, one in of_type(resources, "aws_ecs_task_definition"):
        (container,) = json.loads(one["container_definitions"])
        reported = {variable["name"]: variable["value"] for variable in container["environment"]}
        reported |= {secret["name"]: secret["valueFrom"] for secret in container["secrets"]}
        yield from variables(f"containers/{short(container['name'], prefix)}", reported, prefix)


def _aws_gateways(resources: Resources) -> Iterator[tuple[str, Any]]:
    def of_product(kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for address, one in of_type(resources, kind):
            if "test_issuer" not in address:
                yield "http" if ".http_api." in address else "socket", one

    for kind, one in of_product("aws_apigatewayv2_api"):
        if kind == "socket":
            yield "socket/route_selection", one["route_selection_expression"]
    for kind, one in of_product("aws_apigatewayv2_stage"):
        yield f"{kind}/stage", one["name"]
    for kind, one in of_product("aws_apigatewayv2_authorizer"):
        yield f"{kind}/authorizer/type", one["authorizer_type"]
        yield f"{kind}/authorizer/sources", sorted(one["identity_sources"] or ())
    # Mocks give every function the same invocation ARN: the index identifies the function.
    integrations = {}
    for address, one in of_type(resources, "aws_apigatewayv2_integration"):
        if "test_issuer" in address:
            continue
        found = re.search(r'\["([^"]+)"\]$', address)
        integrations[f"integrations/{one['id']}"] = found.group(1) if found else "socket"
        if ".http_api." in address:
            yield "http/payload_format", one["payload_format_version"]
    for address, one in of_type(resources, "aws_apigatewayv2_route"):
        if "test_issuer" in address:
            continue
        kind = "http" if ".http_api." in address else "socket"
        path = f"{kind}/routes/{one['route_key']}"
        yield f"{path}/authorization", one["authorization_type"]
        yield f"{path}/function", integrations[one["target"]]
        yield f"{path}/response", one["route_response_selection_expression"]
