"""Every planned value is compared with what AWS accepts, and each kind of fault is found."""

from __future__ import annotations

import copy
import html
import re
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from deploy.terraform_check import Outcome, check_environment
from deploy.terraform_tools import ROOT, Terraform
from deploy.values import model
from deploy.values.check import Rule, check_values, table
from deploy.values.sources import written

State = dict[str, Any]
PROD = ROOT / "environments" / "prod"


@pytest.fixture
def prod(state_of: Callable[[str], State]) -> State:
    """The state of production. A test changes it through `values_of`."""
    state = state_of("prod")
    return {**state, "root_module": own(state["root_module"])}


def own(module: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy whose resources can get other values: a deep copy takes half a second."""
    return {
        **module,
        "resources": [dict(one) for one in module.get("resources", ())],
        "child_modules": [own(one) for one in module.get("child_modules", ())],
    }


def values_of(state: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Copies the values of a resource in the state, and returns them to be changed in place."""
    waiting = [state["root_module"]]
    while waiting:
        module = waiting.pop()
        for resource in module.get("resources", ()):
            if resource["address"] == address:
                found: dict[str, Any] = copy.deepcopy(resource["values"])
                resource["values"] = found
                return found
        waiting.extend(module.get("child_modules", ()))
    raise LookupError(address)


PUT_BACK = {
    "a group's description": (
        "modules/network/security_groups.tf",
        '"interfaces of Firehose"',
        '"Firehose\'s interfaces"',
    ),
    "a rule's description": (
        "modules/network/security_groups.tf",
        '"HTTPS to the public endpoints of AWS',
        "\"HTTPS to AWS's public endpoints",
    ),
    "a log variable": (
        "modules/http_api/main.tf",
        '"$context.responseLatency"',
        '"$context.requestLength"',
    ),
}


@pytest.fixture(scope="module")
def corrupt(terraform: Terraform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The check's output for sources with every fault that once stopped an apply."""
    root = tmp_path_factory.mktemp("sources") / "terraform"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".terraform*", "*.tfvars"))
    for file, ours, fault in PUT_BACK.values():
        text = (root / file).read_text(encoding="utf-8")
        assert ours in text, "the fault no longer fits the source"
        (root / file).write_text(text.replace(ours, fault), encoding="utf-8")
    copied = Terraform(
        program=terraform.program, environ=terraform.environ, has_init=terraform.has_init, root=root
    )
    folder = root / "environments" / "dev"
    tests = folder / "tests" / "dev.tftest.hcl"
    whole, _, _ = tests.read_text(encoding="utf-8").partition('run "with_')
    tests.write_text(whole, encoding="utf-8")  # the other runs need files of other folders
    copied.prepare(folder)
    result = check_environment(copied, folder)
    assert result.outcome is Outcome.FAILED
    assert result.tests, result.output  # the values are at fault, not the test
    return result.output


@pytest.mark.parametrize("fault", PUT_BACK.values(), ids=PUT_BACK)
def test_a_past_fault_that_stopped_an_apply_is_found_again(
    fault: tuple[str, str, str], corrupt: str
) -> None:
    assert fault[2].strip('"') in corrupt


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_planned_value_is_accepted_by_aws(
    environment: str, state_of: Callable[[str], State]
) -> None:
    assert not check_values(state_of(environment), ROOT / "environments" / environment)


SYSTEM = "module.system"
INGEST = 'module.function["ingest"].aws_lambda_function.this'
ROLE = 'module.container_role["consumer"]'
RULE = "module.iot_ingest[0].aws_iot_topic_rule.telemetry"
FAULTS: list[tuple[str, str, Any]] = [
    (RULE, "name", "rtdts-telemetry"),
    (RULE, "sql_version", "2016-03-24"),
    (
        "module.iot_ingest[0].aws_iot_policy.truck",
        "policy",
        f'{{"Statement": [], "x": "{"y" * 2048}"}}',
    ),
    ("module.iot_ingest[0].aws_iot_provisioning_template.this", "name", "rtdts.trucks"),
    ("module.iot_ingest[0].aws_lambda_event_source_mapping.this", "parallelization_factor", 11),
    ('aws_cloudwatch_log_group.search["AUDIT_LOGS"]', "retention_in_days", 8),
    ("module.network.aws_vpc.this", "tags", {"Name": "the company's"}),
    ("module.network.aws_vpc.this", "cidr_block", "10.40.0.0"),
    ('module.network.aws_security_group.this["search"]', "name", "sg-search"),
    ('module.network.aws_security_group.this["search"]', "description", "x" * 256),
    ('aws_sqs_queue.this["nudges"]', "name", "rtdts.nudges.fifo"),
    ('aws_sqs_queue.this["nudges"]', "name", "rtdts-nudges"),
    ('aws_sqs_queue.this["nudges"]', "message_retention_seconds", 30),
    ("aws_opensearch_domain.this", "engine_version", "OpenSearch_latest"),
    ("aws_opensearch_domain.this", "domain_name", "r" * 29),
    ("aws_sns_topic.this", "name", "rtdts alarms"),
    ("module.parked.aws_s3_bucket.this", "bucket", "RTDTS-parked"),
    (INGEST, "timeout", 901),
    (INGEST, "description", "x" * 257),
    (INGEST, "runtime", "python3.99"),
    (INGEST, "environment", [{"variables": {"AWS_REGION": "eu-central-1"}}]),
    (INGEST, "environment", [{"variables": {"LONG": "x" * 4093}}]),
    ("aws_ecs_cluster.this", "name", "rtdts.prod"),
    ("aws_cloudwatch_dashboard.this", "dashboard_name", "rtdts prod"),
    ("module.http_api.aws_apigatewayv2_stage.this", "name", "prod stage"),
    ("module.http_api.aws_apigatewayv2_api.this", "name", "x" * 129),
    ('module.http_api.aws_apigatewayv2_integration.this["ingest"]', "timeout_milliseconds", 30_001),
    (
        "module.socket_api.aws_apigatewayv2_stage.this",
        "access_log_settings",
        [{"destination_arn": "arn:aws:logs:eu-central-1::x", "format": "$context.responseLength"}],
    ),
    (f"{ROLE}.aws_iam_role.this", "name", "r" * 65),
    (f"{ROLE}.aws_iam_role.this", "description", "what it may do \u2013 all"),
    (f"{ROLE}.aws_iam_role_policy.this", "name", "its own"),
]


@pytest.mark.parametrize(("address", "attribute", "value"), FAULTS)
def test_a_value_that_aws_rejects_is_found(
    address: str, attribute: str, value: Any, prod: State
) -> None:
    values = values_of(prod, f"{SYSTEM}.{address}")
    assert attribute in values
    values[attribute] = value

    faults = check_values(prod, PROD)

    assert faults
    assert all(fault.startswith(f"{SYSTEM}.{address}") for fault in faults), faults


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"interval":15', '"interval":4'),
        ('"stopTimeout":120', '"stopTimeout":121'),
        ('"restartPolicy"', '"restartPolice"'),
        ('"logDriver":"awslogs"', '"logDriver":"cloudwatch"'),
        ('"mode":"non-blocking"', '"modus":"non-blocking"'),
    ],
)
def test_values_inside_a_container_definition_are_checked_too(
    old: str, new: str, prod: State
) -> None:
    address = f"{SYSTEM}.module.consumer.aws_ecs_task_definition.this"
    values = values_of(prod, address)
    assert old in values["container_definitions"]
    values["container_definitions"] = values["container_definitions"].replace(old, new)

    (fault,) = check_values(prod, PROD)

    assert "container_definitions" in fault


def test_an_alarm_that_evaluates_more_than_a_day_is_found(prod: State) -> None:
    alarm = f'{SYSTEM}.module.broadcaster.aws_cloudwatch_metric_alarm.scale_out["nudge-age"]'
    values_of(prod, alarm)["evaluation_periods"] = 1441

    (fault,) = check_values(prod, PROD)

    assert "longer than 86400 s" in fault


def test_functions_that_together_reserve_more_than_the_account_has_are_found(prod: State) -> None:
    # Production reserves 850 for the others.
    values_of(prod, f'{SYSTEM}.module.function["iot"].aws_lambda_function.this')[
        "reserved_concurrent_executions"
    ] = 51

    (fault,) = check_values(prod, PROD)

    assert "901 executions are reserved, more than 900" in fault


def test_an_attribute_of_a_table_that_is_not_a_key_is_found(prod: State) -> None:
    tables = f'{SYSTEM}.aws_dynamodb_table.this["deliveries"]'
    values_of(prod, tables)["attribute"].append({"name": "status", "type": "S"})

    (fault,) = check_values(prod, PROD)

    assert "status" in fault


def test_two_resources_of_a_type_with_the_same_name_are_found(prod: State) -> None:
    role = f"{SYSTEM}.{ROLE}.aws_iam_role.this"
    values_of(prod, role)["name"] = "rtdts-broadcaster"

    (fault,) = check_values(prod, PROD)

    assert "rtdts-broadcaster is already the name of" in fault


def test_a_resource_type_without_a_request_model_is_a_fault(
    prod: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {kind: known for kind, known in table().models.items() if kind != "aws_vpc"}
    monkeypatch.setattr(
        "deploy.values.check.table", lambda: type(table())(models=models, rules=table().rules)
    )

    (fault,) = check_values(prod, PROD)

    assert "aws_vpc has no request in deploy/values/models.toml" in fault


def test_a_value_that_no_model_or_rule_limits_is_a_fault(
    prod: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = {at: known for at, known in table().rules.items() if at != "aws_ecs_cluster.name"}
    known = type(table())(models=table().models, rules=rules)
    monkeypatch.setattr("deploy.values.check.table", lambda: known)

    (fault,) = check_values(prod, PROD)

    assert "name = 'rtdts' has no limit in" in fault


def test_only_attributes_written_in_the_source_are_checked() -> None:
    vpc = written(PROD, "module.system.module.network.aws_vpc.this")
    subnet = written(PROD, 'module.system.module.network.aws_subnet.public["eu-central-1a"]')

    assert {"cidr_block", "tags", "enable_dns_support", "enable_dns_hostnames"} == vpc.outermost
    assert "Name" in vpc.anywhere
    assert "id" not in subnet.outermost


def test_a_resource_without_a_source_is_an_error() -> None:
    with pytest.raises(LookupError):
        written(PROD, "module.system.module.network.aws_vpc.other")


def test_every_member_in_the_table_exists_in_its_model() -> None:
    for kind, known in table().models.items():
        for attribute, where in known.get("members", {}).items():
            reference = where if ":" in where else f"{known['model']}:{where}"

            assert model.member(reference), f"{kind}.{attribute}"


RULES = {rule.at: rule for rules in table().rules.values() for rule in rules}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.at[0])
def test_a_rule_has_a_source_that_states_it(rule: Rule) -> None:
    assert all(at.split(".")[0] in (*table().models, "*") for at in rule.at)
    assert rule.source or rule.free
    if rule.pattern is not None:
        assert model.compiled(rule.pattern)
    if isinstance(rule.source, tuple):
        member, statement = rule.source
        shown = html.unescape(re.sub("<[^>]+>", "", model.member(member).documentation))

        assert statement in re.sub(r"\s+", " ", shown)


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        (r"[\p{L}\p{Z}]*", "Größe und so", True),
        (r"[\p{L}\p{Z}]*", "it's", False),
        (r"[^\p{C}]*", "a\nb", False),
        (r"\p{Print}+", "rtdts-cpu", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "service/a/b", True),
        (r"(?!x)(?i)[a-z]+", "ABC", True),
    ],
)
def test_javas_regular_expressions_are_translated_to_pythons(
    pattern: str, value: str, matches: bool
) -> None:
    assert bool(model.compiled(pattern).fullmatch(value)) is matches
