"""Alarms and dashboard cover all that is measured, and every alarm has its instructions.

The metrics of the code are read from its sources, not from Terraform's settings.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest

from deploy.definitions import METRICS
from deploy.terraform_tools import resources_of
from rtdts.runtime.metrics import DIMENSION, NAMESPACE
from tests.support.source_tree import PRODUCTION, ROOT, python_files, syntax_of

BOTH = ("dev", "prod")
RUNBOOK = ROOT / "docs" / "alarms.md"

AWS_METRICS: Mapping[str, Mapping[str, frozenset[str]]] = {
    # Amazon API Gateway Developer Guide: "Working with metrics for HTTP APIs", and "Monitor
    # WebSocket API execution with CloudWatch metrics".
    "AWS/ApiGateway": {
        **dict.fromkeys(("Count", "4xx", "5xx", "Latency"), frozenset({"ApiId"})),
        **dict.fromkeys(
            ("ConnectCount", "MessageCount", "ClientError", "IntegrationError", "ExecutionError"),
            frozenset({"ApiId", "Stage"}),
        ),
    },
    # Amazon DynamoDB Developer Guide: "DynamoDB metrics and dimensions".
    "AWS/DynamoDB": dict.fromkeys(
        ("ReadThrottleEvents", "WriteThrottleEvents"), frozenset({"TableName"})
    ),
    # Amazon ECS Developer Guide: "Amazon ECS CloudWatch metrics".
    "AWS/ECS": dict.fromkeys(
        ("CPUUtilization", "MemoryUtilization"), frozenset({"ClusterName", "ServiceName"})
    ),
    # Amazon OpenSearch Service Developer Guide: "Monitoring OpenSearch cluster metrics with Amazon
    # CloudWatch"; the namespace has kept the old name.
    "AWS/ES": dict.fromkeys(
        (
            "ClusterStatus.red",
            "ClusterStatus.yellow",
            "ClusterIndexWritesBlocked",
            "CPUUtilization",
            "FreeStorageSpace",
            "JVMMemoryPressure",
        ),
        frozenset({"ClientId", "DomainName"}),
    ),
    # Amazon Data Firehose Developer Guide: "Monitor Amazon Data Firehose with CloudWatch metrics",
    # delivery to OpenSearch Service (to S3 when all documents are backed up) and ingestion through
    # Kinesis Data Streams.
    "AWS/Firehose": dict.fromkeys(
        (
            "DeliveryToAmazonOpenSearchService.DataFreshness",
            "DeliveryToAmazonOpenSearchService.Success",
            "DeliveryToS3.DataFreshness",
            "KinesisMillisBehindLatest",
        ),
        frozenset({"DeliveryStreamName"}),
    ),
    # Amazon Kinesis Data Streams Developer Guide: "Monitor the service with CloudWatch".
    "AWS/Kinesis": dict.fromkeys(
        (
            "GetRecords.IteratorAgeMilliseconds",
            "IncomingBytes",
            "IncomingRecords",
            "ReadProvisionedThroughputExceeded",
            "WriteProvisionedThroughputExceeded",
        ),
        frozenset({"StreamName"}),
    ),
    # AWS IoT Core Developer Guide: "AWS IoT metrics and dimensions".
    "AWS/IoT": {"RuleMessageThrottled": frozenset({"RuleName"})},
    # AWS Lambda Developer Guide: "Types of metrics for Lambda functions".
    "AWS/Lambda": {
        **dict.fromkeys(
            ("Duration", "Errors", "Invocations", "Throttles"), frozenset({"FunctionName"})
        ),
        **dict.fromkeys(
            ("DroppedEventCount", "OnFailureDestinationDeliveredEventCount"),
            frozenset({"EventSourceMappingUUID"}),
        ),
    },
    # Amazon SQS Developer Guide: "Available CloudWatch metrics for Amazon SQS".
    "AWS/SQS": dict.fromkeys(
        ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"),
        frozenset({"QueueName"}),
    ),
}
"""The metrics of AWS's services that are used: no emulator would detect a wrong name."""

NOT_SHOWN: frozenset[str] = frozenset()
"""Our metrics that no graph shows, each with its reason. Currently none."""

ALWAYS_SPEAKING = {"no-round", "mqtt-silent"}
"""Alarms that fire when data is missing, because their metric is always emitted."""

OF_IOT_CORE = {"EventSourceMappingUUID", "RuleName"}
"""Dimensions that only the ingest over AWS IoT Core has."""

NAMED_BY = {
    "ClusterName": ("aws_ecs_cluster", "name"),
    "DeliveryStreamName": ("aws_kinesis_firehose_delivery_stream", "name"),
    "DomainName": ("aws_opensearch_domain", "domain_name"),
    "EventSourceMappingUUID": ("aws_lambda_event_source_mapping", "uuid"),
    "FunctionName": ("aws_lambda_function", "function_name"),
    "QueueName": ("aws_sqs_queue", "name"),
    "RuleName": ("aws_iot_topic_rule", "name"),
    "ServiceName": ("aws_ecs_service", "name"),
    "Stage": ("aws_apigatewayv2_stage", "name"),
    "StreamName": ("aws_kinesis_stream", "name"),
    "TableName": ("aws_dynamodb_table", "name"),
}
"""The resource type and attribute that a dimension's value must name."""


@dataclasses.dataclass(frozen=True)
class Used:
    """A metric that an alarm or a graph uses."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Watching:
    """The alarms and graphs of an environment."""

    resources: tuple[tuple[str, str, Mapping[str, Any]], ...]
    excluded: frozenset[str] = frozenset()
    """Components that the test of the environment leaves out."""

    def of_type(self, kind: str) -> list[Mapping[str, Any]]:
        return [values for _, found, values in self.resources if found == kind]

    @property
    def for_people(self) -> list[Mapping[str, Any]]:
        """The alarms that notify people; the others scale out."""
        return [
            values
            for address, kind, values in self.resources
            if kind == "aws_cloudwatch_metric_alarm"
            and not address.startswith("module.system.module.")
        ]

    @property
    def for_machines(self) -> list[Mapping[str, Any]]:
        reported = [alarm["alarm_name"] for alarm in self.for_people]
        alarms = self.of_type("aws_cloudwatch_metric_alarm")
        return [alarm for alarm in alarms if alarm["alarm_name"] not in reported]

    @property
    def used_by_alarms(self) -> set[Used]:
        return {used for alarm in self.of_type("aws_cloudwatch_metric_alarm") for used in of(alarm)}

    @property
    def shown(self) -> set[Used]:
        return {
            used
            for dashboard in self.of_type("aws_cloudwatch_dashboard")
            for widget in json.loads(dashboard["dashboard_body"])["widgets"]
            if widget["type"] == "metric"
            for used in in_graph(widget["properties"]["metrics"])
        }

    @property
    def filtered(self) -> set[Used]:
        """Metrics that are extracted from log lines."""
        return {
            Used(one["namespace"], one["name"], frozenset((one["dimensions"] or {}).items()))
            for made in self.of_type("aws_cloudwatch_log_metric_filter")
            for one in made["metric_transformation"]
        }


def of(alarm: Mapping[str, Any]) -> Iterator[Used]:
    """Yields the metrics of an alarm."""
    if alarm["metric_name"]:
        dimensions = frozenset((alarm["dimensions"] or {}).items())
        yield Used(alarm["namespace"], alarm["metric_name"], dimensions)
    for query in alarm["metric_query"]:
        for metric in query["metric"]:
            dimensions = frozenset((metric["dimensions"] or {}).items())
            yield Used(metric["namespace"], metric["metric_name"], dimensions)


def in_graph(metrics: Iterable[list[Any]]) -> Iterator[Used]:
    """Yields the metrics of a graph: lists of namespace, name, dimensions with values, options."""
    for metric in metrics:
        words = [word for word in metric if isinstance(word, str)]
        if words:  # an entry with only options is computed from others
            namespace, name, *dimensions = words
            pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
            yield Used(namespace, name, frozenset(pairs))


LEFT_OUT = {"dev": frozenset({"iot_lambda", "mqtt_bridge"}), "prod": frozenset[str]()}


@pytest.fixture(params=BOTH)
def watching(request: pytest.FixtureRequest, state_of: Callable[[str], Any]) -> Watching:
    return Watching(tuple(resources_of(state_of(request.param))), LEFT_OUT[request.param])


@pytest.fixture
def in_production(state_of: Callable[[str], Any]) -> Watching:
    return Watching(tuple(resources_of(state_of("prod"))))


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yields every call of a name in deployed code, with the deployable's folder."""
    for path in python_files(*PRODUCTION):
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                yield path.relative_to(ROOT).parts[0], node


def declared_in_the_code() -> set[tuple[str, str]]:
    """Returns component (the folder's name) and name of every `Metric` in the sources."""
    return {
        (folder, str(ast.literal_eval(call.args[0])))
        for folder, call in calls("Metric")
        if call.args
    }


def emitted(excluded: frozenset[str] = frozenset()) -> set[Used]:
    return {
        Used(NAMESPACE, name, frozenset({(DIMENSION, component)}))
        for component, name in declared_in_the_code()
        if component not in excluded
    }


def test_every_metric_of_the_code_is_listed_for_terraform() -> None:
    reported = {(component, one.name) for component, metrics in METRICS.items() for one in metrics}

    assert declared_in_the_code() == reported
    assert {folder for folder, _ in calls("MetricWriter")} == set(METRICS)


def test_every_watched_metric_of_ours_is_emitted(watching: Watching) -> None:
    ours = {one for one in watching.used_by_alarms | watching.shown if one.namespace == NAMESPACE}

    assert ours - emitted() - watching.filtered == set()


def test_every_emitted_metric_is_shown_in_a_graph(watching: Watching) -> None:
    unseen = (emitted(watching.excluded) | watching.filtered) - watching.shown

    assert {one.name for one in unseen} == NOT_SHOWN


def test_every_alarm_has_a_graph(watching: Watching) -> None:
    assert watching.used_by_alarms - watching.shown == set()


def test_exactly_the_metrics_of_aws_that_are_watched_are_listed(watching: Watching) -> None:
    used = {one for one in watching.used_by_alarms | watching.shown if one.namespace != NAMESPACE}
    known = {
        (namespace, name, dimensions)
        for namespace, metrics in AWS_METRICS.items()
        for name, dimensions in metrics.items()
        if "iot_lambda" not in watching.excluded or not dimensions & OF_IOT_CORE
    }

    assert {
        (one.namespace, one.name, frozenset(name for name, _ in one.dimensions)) for one in used
    } == known


def test_every_dimension_names_an_existing_resource(watching: Watching) -> None:
    wrong = [
        (one.name, dimension, value)
        for one in watching.used_by_alarms | watching.shown
        for dimension, value in one.dimensions
        if dimension in NAMED_BY
        and value
        not in {made[NAMED_BY[dimension][1]] for made in watching.of_type(NAMED_BY[dimension][0])}
    ]

    assert not wrong


def headings() -> list[str]:
    """Returns the alarms of the runbook: its third-level headings."""
    return re.findall(r"^### (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.M)


def anchor(alarm: Mapping[str, Any]) -> str:
    found = re.search(r" What to do: docs/alarms\.md#([a-z-]+)$", alarm["alarm_description"])
    assert found is not None, alarm["alarm_description"]
    return found[1]


def test_every_alarm_has_its_entry_and_every_entry_its_alarm(in_production: Watching) -> None:
    assert len(headings()) == len(set(headings()))
    assert set(headings()) == {anchor(alarm) for alarm in in_production.for_people}


def test_the_runbooks_first_table_links_to_every_entry() -> None:
    first, _, _ = RUNBOOK.read_text(encoding="utf-8").partition("\n## ")

    assert set(headings()) <= set(re.findall(r"\]\(#([a-z-]+)\)", first))


def test_an_alarm_is_named_like_its_entry(watching: Watching) -> None:
    for alarm in watching.for_people:
        assert re.fullmatch(rf"rtdts(-dev)?-{anchor(alarm)}(-[a-z-]+)?", alarm["alarm_name"])


@pytest.mark.parametrize("entry", headings())
def test_an_entry_explains_the_alarm_and_the_steps(entry: str) -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    body = re.search(rf"^### {entry}$(.*?)(?=^##|\Z)", text, re.S | re.M)

    assert body is not None
    assert "**Means.**" in body[1]
    assert "**Do.**" in body[1]


def test_only_alarms_about_silence_fire_on_missing_data(in_production: Watching) -> None:
    missed = {
        anchor(alarm)
        for alarm in in_production.for_people
        if alarm["treat_missing_data"] != "notBreaching"
    }

    assert missed == ALWAYS_SPEAKING


def test_an_alarm_evaluates_exactly_one_series(watching: Watching) -> None:
    for alarm in watching.for_people:
        returned = [query["id"] for query in alarm["metric_query"] if query["return_data"]]
        assert len(returned) == 1, alarm["alarm_name"]
        computed = [query["expression"] for query in alarm["metric_query"] if query["expression"]]
        for query in alarm["metric_query"]:
            if not query["expression"] and computed:
                assert re.search(rf"\b{query['id']}\b", computed[0]), alarm["alarm_name"]


def test_alarms_for_people_use_the_topic_and_alarms_for_scaling_do_not(watching: Watching) -> None:
    (topic,) = watching.of_type("aws_sns_topic")

    assert watching.for_people
    for alarm in watching.for_people:
        assert alarm["alarm_actions"] == alarm["ok_actions"] == [topic["arn"]]
    for alarm in watching.for_machines:
        assert topic["arn"] not in alarm["alarm_actions"]


def test_no_alarm_has_more_metrics_than_cloudwatch_allows(watching: Watching) -> None:
    # CloudWatch's quotas: an alarm of metric math has at most ten metrics.
    assert max(len(set(of(alarm))) for alarm in watching.for_people) <= 10


def test_an_address_in_the_settings_is_subscribed_to_the_alarms(in_production: Watching) -> None:
    subscriptions = in_production.of_type("aws_sns_topic_subscription")

    assert [one["endpoint"] for one in subscriptions] == ["alarms@example.com"]


def test_only_the_broadcaster_scales_out_by_alarms(
    in_production: Watching,
) -> None:
    # Only the broadcaster scales out: another task shares its rounds and nudges.
    assert {alarm["alarm_name"] for alarm in in_production.for_machines} == {
        "rtdts-broadcaster-scale-out-nudge-age",
        "rtdts-broadcaster-scale-out-round-duration",
    }


def test_a_missing_replica_is_watched_only_with_several_search_nodes(
    watching: Watching,
) -> None:
    (domain,) = watching.of_type("aws_opensearch_domain")
    nodes = domain["cluster_config"][0]["instance_count"]

    assert ("search-yellow" in {anchor(alarm) for alarm in watching.for_people}) == (nodes > 1)


def test_no_alarm_for_people_counts_the_authorizers_errors(
    watching: Watching,
) -> None:
    errors = {
        dict(used.dimensions)["FunctionName"]
        for alarm in watching.for_people
        for used in of(alarm)
        if (used.namespace, used.name) == ("AWS/Lambda", "Errors")
    }

    assert errors
    assert not {name for name in errors if "authorizer" in name}


def test_an_alarm_notifies_people_of_points_set_aside_over_a_quota(in_production: Watching) -> None:
    # The points expire, and after an outage they may be a legitimate backlog.
    alarms = {
        (dict(used.dimensions).get(DIMENSION), used.name): (alarm["threshold"], anchor(alarm))
        for alarm in in_production.for_people
        for used in of(alarm)
    }

    for metric in (("mqtt_bridge", "PointsSetAside"), ("iot_lambda", "MessagesOverQuota")):
        assert alarms.get(metric) == (1, "over-quota")
