"""Each part may do what its code calls, and beyond that only what is listed.

The actions of the KCL, Firehose and the OpenSearch client are not in our sources: they are listed
with their documentation. Only a real account can prove them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.source_tree import DEPLOYABLES
from tests.support.store_calls import (
    STORE_CALLS,
    Action,
    actions_of,
    methods_called,
    operations_called,
    public_methods,
    stores_made,
)

PARTS: dict[str, set[Action]] = {
    "ingest": actions_of("ingest_lambda"),
    "delivery": actions_of("delivery_lambda"),
    "track": actions_of("track_lambda"),
    "socket": actions_of("socket_lambda", modules={"connection", "dispatch", "handler", "limits"}),
    "socket-authorizer": actions_of("socket_lambda", modules={"admission", "authorizer"}),
    "search-admin": set(),
    "consumer": actions_of("consumer"),
    "broadcaster": actions_of("broadcaster"),
    "operations": actions_of("operations"),
    "mqtt_bridge": actions_of("mqtt_bridge"),
    "iot": actions_of("iot_lambda", modules={"batches", "bootstrap", "handler"}),
    "iot-enrollment": actions_of("iot_lambda", modules={"enrollment"}),
    "iot-rule": set(),
    "iot-provisioning": set(),
    "raw-log": set(),
}

EXTRAS = {
    r"(ingest|delivery|track|socket|socket-authorizer|search-admin|iot|iot-enrollment) "
    r"logs:(CreateLogStream|PutLogEvents) \S+": "a function writes its log with its own role",
    r"(track|search-admin) ec2:\w+ \*": "Lambda creates a function's network interfaces in a VPC "
    "with its role",
    r"search-admin es:ESHttp(Get|Post|Put) domain/\*": "installs templates, policies and roles",
    r"(consumer|broadcaster) es:ESHttp(Get|Post) domain/\*": "reads and writes by POST (_bulk, "
    "_mget, _search); GET is how the client reads a document",
    r"track es:ESHttpPost domain/\*": "searches by POST (_search)",
    r"operations es:ESHttp(Delete|Get|Post) domain/\*": "as above, and deletes by a document's id",
    r"consumer kinesis:(DescribeStream|DescribeStreamSummary|GetRecords|GetShardIterator|"
    r"ListShards) telemetry": "the KCL: Kinesis Data Streams Developer Guide, 'IAM permissions "
    "required for KCL consumer applications'",
    r"consumer dynamodb:(DeleteItem|DescribeTable|GetItem|PutItem|Scan|UpdateItem) "
    r"consumer(-CoordinatorState|-WorkerMetricStats)?": "the KCL, as above; without CreateTable "
    "and UpdateTable, since its tables exist already",
    r"consumer dynamodb:Query consumer/index/LeaseOwnerToLeaseKeyIndex": "the KCL, as above",
    r"consumer cloudwatch:PutMetricData \*": "the KCL's own metrics",
    r"iot kinesis:(DescribeStream|DescribeStreamSummary|GetRecords|GetShardIterator|ListShards) "
    r"device-messages|iot kinesis:ListStreams \*": "Lambda reads an event source with the "
    "function's role: AWS Lambda Developer Guide, 'Process Amazon Kinesis Data Streams records'",
    r"iot s3:(ListBucket parked|PutObject parked/aws/lambda/\*)": "and keeps the records that it "
    "discards: the same guide, 'Retain discarded batch records'",
    r"iot-rule (kinesis:PutRecord device-messages|sqs:SendMessage failed-device-messages)": "the "
    "rule's action and its error action",
    r"iot-provisioning iot:\w+ \S+": "AWS IoT Core creates a thing for a device; the part of "
    "AWSIoTThingsRegistration that is needed",
    r"raw-log .*": "Firehose: Amazon Data Firehose Developer Guide, 'Controlling access'",
}
"""Pattern of part, action and resource, and the reason why it is allowed without being called."""

ARN = re.compile(
    r"arn:aws:(?:dynamodb|kinesis|sqs|es|execute-api|s3|logs|iot):[^:]*:(?:\d*):"
    r"(?:table/|stream/|domain/|log-group:)?(?P<name>.+)$"
)


def logical(arn: str) -> str:
    """Returns a resource's name in the code: without region, account and environment."""
    if arn == "*":
        return arn
    found = ARN.match(arn)
    assert found is not None, arn
    name = found["name"].removesuffix(":*")
    if arn.split(":")[2] == "es":
        return f"domain{name[name.index('/') :]}" if "/" in name else "domain"
    name = re.sub(r"^(rtdts-dev-|rtdts-)", "", name)
    return name.replace("-123456789012", "").removeprefix("socket0000/")


def allowed(policy: str) -> Iterator[Action]:
    for statement in json.loads(policy)["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            for resource in statement["Resource"]:
                yield action, logical(resource)


LEFT_OUT = {
    "dev": {"mqtt_bridge", "iot", "iot-enrollment", "iot-rule", "iot-provisioning"},
    "prod": set(),
}
"""Parts that the test of an environment leaves out."""
NOT_MADE = {"dev": {"device-messages", "failed-device-messages"}, "prod": set()}


@pytest.fixture(params=["dev", "prod"])
def policies(request: pytest.FixtureRequest, state_of: Callable[[str], dict[str, Any]]):
    outputs = state_of(request.param)["outputs"]
    return outputs["policies"]["value"]


@pytest.fixture
def environment(policies: dict[str, str], request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["policies"])


def test_every_part_has_a_policy(policies: dict[str, str], environment: str) -> None:
    assert policies.keys() == PARTS.keys() - LEFT_OUT[environment]


def test_no_action_that_the_code_calls_is_missing(
    policies: dict[str, str], environment: str
) -> None:
    missing = {
        part: {one for one in PARTS[part] if one[1] not in NOT_MADE[environment]}
        - set(allowed(policy))
        for part, policy in policies.items()
    }

    assert not {part: actions for part, actions in missing.items() if actions}


def test_every_other_allowed_action_has_a_reason(policies: dict[str, str]) -> None:
    extras = [
        f"{part} {action} {name}"
        for part, policy in policies.items()
        for action, name in sorted(set(allowed(policy)) - PARTS[part])
    ]

    assert not [one for one in extras if not any(re.fullmatch(known, one) for known in EXTRAS)]


def test_every_reason_for_an_extra_action_is_still_needed(
    state_of: Callable[[str], dict[str, Any]],
) -> None:
    extras = {
        f"{part} {action} {name}"
        for part, policy in state_of("prod")["outputs"]["policies"]["value"].items()
        for action, name in set(allowed(policy)) - PARTS[part]
    }

    assert not [known for known in EXTRAS if not any(re.fullmatch(known, one) for one in extras)]


def test_the_consumer_may_only_write_the_kcls_own_metrics(policies: dict[str, str]) -> None:
    (statement,) = [
        one
        for one in json.loads(policies["consumer"])["Statement"]
        if one["Action"] == ["cloudwatch:PutMetricData"]
    ]

    assert [*statement["Condition"]["StringEquals"]] == ["cloudwatch:namespace"]


@pytest.mark.parametrize("deployable", DEPLOYABLES)
def test_every_store_that_a_deployable_creates_is_called(deployable: str) -> None:
    uncalled = {one for one in stores_made(deployable) if not any(methods_called(deployable, one))}

    assert {one.rpartition(":")[2] for one in uncalled} <= {
        "BlockStore",  # called by BlockList
        "DeviceStore",  # by KnownDevices
    }


@pytest.mark.parametrize("store", STORE_CALLS)
def test_the_actions_of_every_method_of_a_store_are_listed(store: str) -> None:
    assert STORE_CALLS[store].keys() == public_methods(store)


@pytest.mark.parametrize(
    "package",
    ["rtdts/delivery_store", "rtdts/push_queue", "rtdts/telemetry_stream", "socket_lambda"],
)
def test_the_listed_actions_of_stores_are_the_operations_that_they_call(package: str) -> None:
    reported = {
        action
        for store, methods in STORE_CALLS.items()
        if store.startswith(f"{package}/")
        for actions in methods.values()
        for action, _ in actions
    }

    assert reported == operations_called(package)


def test_the_analysis_of_the_code_finds_known_actions() -> None:
    assert ("dynamodb:GetItem", "subscriptions") in PARTS["socket"]
    assert PARTS["socket-authorizer"] == {
        ("dynamodb:DeleteItem", "socket-tickets"),
        ("dynamodb:Scan", "blocked-identities"),
    }
    assert ("dynamodb:UpdateItem", "truck-matches") in PARTS["delivery"]
    assert ("dynamodb:UpdateItem", "delivery-events") in PARTS["delivery"]
    for table in ("delivery-events", "truck-matches"):
        assert ("dynamodb:UpdateItem", table) not in PARTS["consumer"]
    assert ("s3:PutObject", "parked/rejected/*") in PARTS["consumer"]
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
    written = {(action, table) for action, table in PARTS["broadcaster"] if action in writes}
    assert written == {("dynamodb:PutItem", "subscriptions")}  # its leases on the fleet's views
