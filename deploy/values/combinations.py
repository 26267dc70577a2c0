"""Rules for combinations that AWS rejects, although each value is valid. Each names its source."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

Resources = Sequence[tuple[str, str, Mapping[str, Any]]]
"""The address, type and values of each resource."""
Fault = tuple[str, str]
"""Address, and why AWS would reject it."""

_OF_AUTHORIZER: Final = {
    # Of a JWT authorizer any claim; of a Lambda authorizer the members of its context.
    "HTTP": re.compile(r"authorizer\.claims\.[A-Za-z0-9_]+"),
    "WEBSOCKET": re.compile(r"authorizer\.[A-Za-z0-9_]+"),
}
_LOGGED: Final[Mapping[str, Sequence[str]]] = tomllib.loads(
    (Path(__file__).parent / "rules.toml").read_text(encoding="utf-8")
)["access_log_variables"]
"""The variables of an access log, by kind of API."""

_ENVIRONMENT_BYTES: Final = 4096
"""Limit of all variables of a Lambda:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
_MAX_RESERVED: Final = 1000 - 100
"""The default quota, less what Lambda keeps for functions without a reservation:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""


def access_log_variables(resources: Resources) -> Iterator[Fault]:
    """An access log names only variables that its kind of API has."""
    protocols = _protocols(resources)
    for address, _, values in _of("aws_apigatewayv2_stage", resources):
        protocol = protocols[address.rpartition(".aws_apigatewayv2_stage")[0]]
        for settings in values["access_log_settings"] or ():
            for name in re.findall(r"\$context\.([A-Za-z0-9_.]+)", settings["format"]):
                if name not in _LOGGED[protocol] and not _OF_AUTHORIZER[protocol].fullmatch(name):
                    yield (
                        address,
                        f"$context.{name} is not a variable of access logs of {protocol} APIs",
                    )


def alarm_windows(resources: Resources) -> Iterator[Fault]:
    """An alarm looks back at most one day, or one week with periods of one hour.

    botocore, cloudwatch.PutMetricAlarm:Period.
    """
    for address, _, values in _of("aws_cloudwatch_metric_alarm", resources):
        queries = [query["metric"][0] for query in values["metric_query"] or () if query["metric"]]
        period_s = max(query["period"] for query in queries) if queries else values["period"]
        max_s = 604_800 if period_s >= 3600 else 86_400
        if period_s * values["evaluation_periods"] > max_s:
            yield address, f"looks back longer than {max_s} s"
        if (values["datapoints_to_alarm"] or 1) > values["evaluation_periods"]:
            yield address, "datapoints_to_alarm is greater than evaluation_periods"


def function_environments(resources: Resources) -> Iterator[Fault]:
    """All variables of a Lambda together have at most 4 KB."""
    for address, _, values in _of("aws_lambda_function", resources):
        variables = [block["variables"] or {} for block in values["environment"] or ()]
        size = sum(len(name) + len(value) for one in variables for name, value in one.items())
        if size > _ENVIRONMENT_BYTES:
            yield address, f"its environment has {size} bytes, more than {_ENVIRONMENT_BYTES}"


def reserved_concurrency(resources: Resources) -> Iterator[Fault]:
    """All functions together reserve at most what the account can reserve."""
    reserved = 0
    for address, _, values in _of("aws_lambda_function", resources):
        reserved += max(values["reserved_concurrent_executions"] or 0, 0)  # -1: no reservation
        if reserved > _MAX_RESERVED:
            yield address, f"{reserved} executions are reserved, more than {_MAX_RESERVED}"
            return


def table_attributes(resources: Resources) -> Iterator[Fault]:
    """DynamoDB accepts definitions of key attributes only, and requires all of them.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    """
    for address, _, values in _of("aws_dynamodb_table", resources):
        indexes = list(values["global_secondary_index"] or ())
        keys = {one[key] for one in (values, *indexes) for key in ("hash_key", "range_key")}
        defined = {attribute["name"] for attribute in values["attribute"]}
        if defined != keys - {None, ""}:
            yield (
                address,
                f"defines attributes {sorted(defined)}, but has keys {sorted(keys - {None, ''})}",
            )
        if sum(len(index["non_key_attributes"] or ()) for index in indexes) > 100:
            yield address, "its indexes project more than 100 attributes"


def queue_names(resources: Resources) -> Iterator[Fault]:
    """A FIFO queue's name, and no other, ends with .fifo.

    botocore, sqs.CreateQueue:QueueName.
    """
    for address, _, values in _of("aws_sqs_queue", resources):
        if bool(values["fifo_queue"]) != values["name"].endswith(".fifo"):
            yield address, "a FIFO queue's name, and no other, ends with .fifo"


def search_domains(resources: Resources) -> Iterator[Fault]:
    """A disk has a size that its node type supports.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html
    """
    for address, _, values in _of("aws_opensearch_domain", resources):
        (cluster,), (volume,) = values["cluster_config"], values["ebs_options"]
        small = cluster["instance_type"].startswith("t3.")
        if small and volume["volume_size"] > (
            100 if ".small." in cluster["instance_type"] else 200
        ):
            yield (
                address,
                f"{cluster['instance_type']} allows no disk of {volume['volume_size']} GB",
            )
        if len(values["vpc_options"][0]["subnet_ids"]) not in (1, 2, 3):
            yield address, "must have one subnet per zone, at most three"


def statement_ids(resources: Resources) -> Iterator[Fault]:
    """A statement's id is letters and digits.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    """
    for address, kind, values in resources:
        for name in ("policy", "assume_role_policy", "access_policies", "policy_document"):
            text = values.get(name)
            if kind == "aws_ecr_lifecycle_policy" or not isinstance(text, str) or text[:1] != "{":
                continue
            for statement in json.loads(text)["Statement"]:
                if not re.fullmatch("[A-Za-z0-9]*", statement.get("Sid", "")):
                    yield address, f"Sid {statement['Sid']!r} may have only letters and digits"


def unique_names(resources: Resources) -> Iterator[Fault]:
    """No two resources of a type have the same name: AWS would reject the second."""
    named: dict[tuple[str, str], str] = {}
    for address, kind, values in resources:
        for key in ("name", "alarm_name", "function_name", "bucket", "family"):
            if kind in _NAMED_WITHIN or not isinstance(name := values.get(key), str):
                continue
            if (first := named.setdefault((kind, name), address)) != address:
                yield address, f"{name} is already the name of {first}"


_NAMED_WITHIN: Final = (
    "aws_apigatewayv2_authorizer",
    "aws_apigatewayv2_stage",
    "aws_cloudwatch_log_stream",
    "aws_iam_role_policy",
    "aws_route53_record",
    "aws_s3_object",
)
"""Types whose names must differ only within another resource, such as an API or a zone."""

COMBINATION_RULES: Final[tuple[Callable[[Resources], Iterator[Fault]], ...]] = (
    access_log_variables,
    alarm_windows,
    function_environments,
    reserved_concurrency,
    table_attributes,
    queue_names,
    search_domains,
    statement_ids,
    unique_names,
)


def _of(kind: str, resources: Resources) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    return (resource for resource in resources if resource[1] == kind)


def _protocols(resources: Resources) -> dict[str, str]:
    """HTTP or WEBSOCKET, by the module that an API is in."""
    return {
        address.rpartition(".aws_apigatewayv2_api")[0]: values["protocol_type"]
        for address, _, values in _of("aws_apigatewayv2_api", resources)
    }
