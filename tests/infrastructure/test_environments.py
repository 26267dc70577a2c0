"""What production must have, how development differs, and that bad variables are rejected."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.terraform_tools import ROOT, configurations, resources_of

BOTH = ("dev", "prod")

ResourcesOf = Callable[[str, str], dict[str, Mapping[str, Any]]]


@pytest.fixture
def resources(state_of: Callable[[str], dict[str, Any]]) -> ResourcesOf:
    """Returns the resources of a type in an environment: values by address."""

    def find(environment: str, kind: str) -> dict[str, Mapping[str, Any]]:
        return {
            address: values
            for address, found, values in resources_of(state_of(environment))
            if found == kind
        }

    return find


def test_productions_tables_buckets_and_images_are_protected_from_deletion(
    resources: ResourcesOf,
) -> None:
    tables = resources("prod", "aws_dynamodb_table")
    ours = [one for one in tables.values() if not one["name"].startswith("rtdts-consumer")]

    assert len(ours) == 9
    for one in ours:
        assert one["deletion_protection_enabled"]
        assert one["point_in_time_recovery"][0]["enabled"]
    assert not any(one["force_destroy"] for one in resources("prod", "aws_s3_bucket").values())
    assert not any(one["force_delete"] for one in resources("prod", "aws_ecr_repository").values())


def test_no_request_can_bypass_productions_edge(resources: ResourcesOf) -> None:
    edges = resources("prod", "aws_cloudfront_distribution").values()
    secrets = {one["origin"][0]["custom_header"][0]["value"] for one in edges}
    functions = {
        one["function_name"]: one["environment"][0]["variables"]
        for one in resources("prod", "aws_lambda_function").values()
    }
    records = resources("prod", "aws_route53_record").values()
    direct = {one["name"] for one in records if "cloudfront" not in str(one["alias"])}

    (secret,) = secrets
    assert len(edges) == 2
    assert functions["rtdts-delivery"]["EDGE_SECRETS"] == secret
    assert functions["rtdts-track"]["EDGE_SECRETS"] == secret
    assert functions["rtdts-socket-authorizer"]["EDGE_SECRETS"] == secret
    assert not {alias for one in edges for alias in one["aliases"]} & direct
    assert not resources("dev", "aws_cloudfront_distribution")


def test_development_can_be_deleted_completely(resources: ResourcesOf) -> None:
    tables = resources("dev", "aws_dynamodb_table").values()

    assert len(tables) == 12
    assert not any(one["deletion_protection_enabled"] for one in tables)
    assert all(one["force_destroy"] for one in resources("dev", "aws_s3_bucket").values())
    assert all(one["force_delete"] for one in resources("dev", "aws_ecr_repository").values())
    assert all(
        one["enforce_consumer_deletion"] for one in resources("dev", "aws_kinesis_stream").values()
    )


def test_production_keeps_points_in_the_stream_for_three_days(resources: ResourcesOf) -> None:
    stream = resources("prod", "aws_kinesis_stream")["module.system.aws_kinesis_stream.telemetry"]

    assert stream["retention_period"] >= 72


def test_productions_search_domain_spans_three_zones(resources: ResourcesOf) -> None:
    (domain,) = resources("prod", "aws_opensearch_domain").values()
    (cluster,) = domain["cluster_config"]

    assert cluster["zone_awareness_enabled"]
    assert cluster["zone_awareness_config"][0]["availability_zone_count"] == 3
    assert cluster["instance_count"] >= 3
    assert cluster["dedicated_master_enabled"]
    assert len(domain["vpc_options"][0]["subnet_ids"]) == 3


def test_development_has_one_small_search_node_and_one_shard(resources: ResourcesOf) -> None:
    (domain,) = resources("dev", "aws_opensearch_domain").values()
    (cluster,) = domain["cluster_config"]
    (stream,) = resources("dev", "aws_kinesis_stream").values()

    assert (cluster["instance_count"], cluster["instance_type"]) == (1, "t3.small.search")
    assert not cluster["zone_awareness_enabled"]
    assert stream["shard_count"] == 1


@pytest.mark.parametrize("environment", BOTH)
def test_the_search_domain_is_in_the_vpc_and_has_access_control_by_role(
    environment: str, resources: ResourcesOf
) -> None:
    (domain,) = resources(environment, "aws_opensearch_domain").values()

    assert domain["vpc_options"][0]["subnet_ids"]
    assert domain["advanced_security_options"][0]["enabled"]


def test_productions_containers_reach_the_internet_by_nat(resources: ResourcesOf) -> None:
    for service in resources("prod", "aws_ecs_service").values():
        assert not service["network_configuration"][0]["assign_public_ip"]

    assert len(resources("prod", "aws_nat_gateway")) == 3
    assert (
        len(resources("prod", "aws_route")) == 4
    )  # one to the internet, and one per zone to its NAT gateway


def test_developments_containers_have_public_addresses_but_accept_no_connections(
    resources: ResourcesOf,
) -> None:
    groups = set()
    for service in resources("dev", "aws_ecs_service").values():
        (network,) = service["network_configuration"]
        assert network["assign_public_ip"]
        groups |= set(network["security_groups"])
    entered = {
        one["security_group_id"]
        for one in resources("dev", "aws_vpc_security_group_ingress_rule").values()
    }

    assert groups
    assert not groups & entered
    assert not resources("dev", "aws_nat_gateway")


@pytest.mark.parametrize("environment", BOTH)
def test_only_s3_and_dynamodb_have_vpc_endpoints(environment: str, resources: ResourcesOf) -> None:
    endpoints = {
        (one["service_name"].rpartition(".")[2], one["vpc_endpoint_type"])
        for one in resources(environment, "aws_vpc_endpoint").values()
    }

    assert endpoints == {("s3", "Gateway"), ("dynamodb", "Gateway")}


def test_production_has_no_test_issuer_but_container_insights_and_two_tasks_each(
    resources: ResourcesOf,
) -> None:
    everything = {
        address
        for kind in ("aws_kms_key", "aws_apigatewayv2_api")
        for address in resources("prod", kind)
    }
    (cluster,) = resources("prod", "aws_ecs_cluster").values()

    assert not [address for address in everything if "test_issuer" in address]
    assert cluster["setting"][0] == {"name": "containerInsights", "value": "enabled"}
    for name, fewest in (("consumer", 2), ("broadcaster", 2)):
        (target,) = [
            one
            for address, one in resources("prod", "aws_appautoscaling_target").items()
            if f".{name}." in address
        ]
        assert target["min_capacity"] >= fewest


def test_productions_broadcasters_have_one_core_each_and_share_rounds(
    resources: ResourcesOf,
) -> None:
    (task,) = [
        values
        for address, values in resources("prod", "aws_ecs_task_definition").items()
        if ".broadcaster." in address
    ]

    assert (task["cpu"], task["memory"]) == ("1024", "2048")
    assert "ROUND_QUEUE_URL" in environment_of(task)


GATEWAY_REQUESTS_PER_SECOND = 10_000
"""An account's quota in most regions."""


@pytest.mark.parametrize("environment", BOTH)
def test_all_broadcasters_together_post_no_more_than_the_http_api_leaves(
    environment: str, resources: ResourcesOf
) -> None:
    everything = resources(environment, "aws_ecs_task_definition")
    (task,) = [values for address, values in everything.items() if ".broadcaster." in address]
    posts_per_second = float(environment_of(task)["POSTS_PER_SECOND"])
    tasks = [
        one["max_capacity"]
        for address, one in resources(environment, "aws_appautoscaling_target").items()
        if ".broadcaster." in address
    ]
    (throttle,) = [
        stage["default_route_settings"][0]["throttling_rate_limit"]
        for address, stage in resources(environment, "aws_apigatewayv2_stage").items()
        if "http_api" in address
    ]

    posting = posts_per_second * max(tasks, default=1)
    assert throttle / 10 < posting <= GATEWAY_REQUESTS_PER_SECOND - throttle


def environment_of(task: Mapping[str, Any]) -> Mapping[str, str]:
    """The environment of the task's only container."""
    (container,) = json.loads(task["container_definitions"])
    return {one["name"]: one["value"] for one in container["environment"]}


@pytest.mark.parametrize("environment", BOTH)
def test_the_regions_log_role_is_not_managed_by_default(
    environment: str, resources: ResourcesOf
) -> None:
    assert not resources(environment, "aws_api_gateway_account")


def test_productions_apis_have_their_own_domain_names(resources: ResourcesOf) -> None:
    names = {
        one["domain_name"]: one["domain_name_configuration"][0]["security_policy"]
        for one in resources("prod", "aws_apigatewayv2_domain_name").values()
    }
    certificates = resources("prod", "aws_acm_certificate")
    # The edge has another certificate, in CloudFront's region.
    (certificate,) = (one for address, one in certificates.items() if ".edge" not in address)

    assert set(names.values()) == {"TLS_1_2"}
    assert names.keys() == {
        certificate["domain_name"],
        *certificate["subject_alternative_names"],
    }
    assert {"trucks.example.com"} < names.keys()
    assert not resources("dev", "aws_apigatewayv2_domain_name")


def test_development_has_a_budget_alarm_for_actual_and_forecasted_costs(
    resources: ResourcesOf,
) -> None:
    (budget,) = resources("dev", "aws_budgets_budget").values()

    assert {one["notification_type"] for one in budget["notification"]} == {"ACTUAL", "FORECASTED"}


@pytest.mark.parametrize("environment", BOTH)
def test_containers_restart_drain_and_roll_back(environment: str, resources: ResourcesOf) -> None:
    services = resources(environment, "aws_ecs_service").values()
    served = {service["name"] for service in services}
    definitions = [
        definition
        for definition in resources(environment, "aws_ecs_task_definition").values()
        if definition["family"] in served
    ]

    assert len(definitions) == len(services) == {"dev": 2, "prod": 3}[environment]
    for definition in definitions:
        (container,) = json.loads(definition["container_definitions"])
        assert container["restartPolicy"]["enabled"]
        assert container["stopTimeout"] == 120
        assert container["healthCheck"]["command"][0] == "CMD-SHELL"
        assert container["readonlyRootFilesystem"]
    for service in services:
        assert service["deployment_circuit_breaker"] == [{"enable": True, "rollback": True}]


@pytest.mark.parametrize("environment", BOTH)
def test_everything_is_tagged_and_its_state_is_remote(environment: str) -> None:
    folder = ROOT / "environments" / environment
    text = "".join((folder / name).read_text() for name in ("common.tf", "main.tf"))
    tags = re.search(r"default_tags \{\s*tags = \{(.*?)\}", text, re.S)

    assert tags is not None
    assert set(re.findall(r"([\w-]+)\s*=", tags[1])) == {"project", "environment", "managed-by"}
    assert "environment = local.environment" in tags[1]
    assert re.search(rf'environment += "{environment}"', text)
    assert 'backend "s3" {}' in (folder / "versions.tf").read_text()


def conditions(folder: Path) -> Iterator[str]:
    """Yields every condition: validations of variables and preconditions of resources."""
    for file in folder.glob("*.tf"):
        for kind, name, body in re.findall(
            r'^(?:variable|resource "(\w+)") "(\w+)" \{$(.*?)^\}',
            file.read_text(encoding="utf-8"),
            re.S | re.M,
        ):
            count = len(re.findall(r"^ +(?:validation|precondition) \{", body, re.M))
            yield from [f"{kind or 'var'}.{name}"] * count


def rejections(folder: Path) -> Iterator[str]:
    """Yields every rejection that the Terraform tests expect."""
    for file in folder.glob("tests/*.tftest.hcl"):
        for listed in re.findall(
            r"expect_failures = \[(.*?)\]", file.read_text(encoding="utf-8"), re.S
        ):
            yield from re.findall(
                r"^\s*([\w.]+)", re.sub(r"#.*", "", listed).replace(",", "\n"), re.M
            )


@pytest.mark.parametrize(
    "folder", configurations(), ids=lambda folder: str(folder.relative_to(ROOT))
)
def test_every_condition_has_a_test_that_it_rejects(folder: Path) -> None:
    unseen = Counter(conditions(folder)) - Counter(rejections(folder))

    assert not unseen, "each condition needs a run in tests/ with a value that it rejects"
