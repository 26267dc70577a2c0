"""AWS and the local cloud have the same infrastructure, except for a short list with reasons."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import rtdts.position_store.index_definitions
import search_admin_lambda.opensearch_domain
import sim.local_cloud.stack
from deploy.definitions import definitions
from deploy.kcl_tables import NAME_SUFFIXES
from deploy.tables import TABLES
from deploy.terraform_tools import resources_of
from rtdts.position_store.index_definitions import RAW_PATTERN
from rtdts.runtime.settings import declared_settings
from sim.local_cloud.applications import Intervals, bridge_part, broadcaster_parts, consumer_part
from sim.local_cloud.engines import plain_environment
from sim.local_cloud.resources import CloudNames
from tests.support.infrastructure_facts import Facts, aws_facts, local_facts
from tests.support.recording_cloud import record_local_cloud
from tests.support.settings_document import settings_of

DIFFERENCES = {
    r"functions/(iot|iot-enrollment)/.*|device_messages/.*|queues/failed-device-messages/.*": "the "
    "ingest over AWS IoT Core; the local cloud has a broker and a bridge",
    r"functions/(search-admin|test-issuer)/.*": "only needed in an account: a local cloud prepares "
    "its node itself and has its own identity provider",
    r"functions/track/environment/AWS_REGION": "Lambda sets its own",
    r"stream/shards": "each environment's own choice",
    r".*/environment/AWS_ENDPOINT_URL": "the emulator's address, for the SDK",
    r"containers/consumer/environment/KCL_(FAILOVER|SHARD_SYNC_INTERVAL|"
    r"LEASE_ASSIGNMENT_INTERVAL|WORKER_METRICS_CAPTURE|WORKER_METRICS_REPORT|IDLE)_MS": "in AWS "
    "the KCL's default intervals keep its cost low; a developer should not wait minutes",
    r"containers/consumer/environment/KCL_(METRICS_LEVEL|CBOR)": "not supported by the emulator",
    r"containers/consumer/environment/KCL_WORKER_ID": "in AWS the task's id, which the container's "
    "launcher reads",
    r"containers/consumer/environment/(JAVA|KCL_EXTRA_JARS|KCL_WORK_FOLDER)": "local paths; a "
    "container has its own, from its image or by default",
    r"containers/consumer/environment/KCL_RETRIEVAL_MODE": "a choice in AWS; the default locally",
    r"containers/broadcaster/environment/POSTS_PER_SECOND": "a part of the account's quota; the "
    "local gateway has only one user, and the rate adapts to it",
    r"containers/broadcaster/environment/ROUND_SPREAD": "spreads the load on AWS's quota; locally, "
    "all viewers are notified at once",
    r"containers/(consumer/environment/DWELL_S|broadcaster/environment/ROUND_INTERVAL_S)": "a demo "
    "shows in a minute what takes a day; in AWS the defaults apply unless an operator sets them",
    r"containers/broadcaster/environment/ROUND_QUEUE_URL": "production's two broadcasters share "
    "each round; a single one, locally and in development, runs it alone",
    r"functions/(delivery|track|socket-authorizer)/environment/EDGE_SECRETS": "only CloudFront "
    "adds them, and only AWS has it; empty in an environment without it",
    r"functions/ingest/environment/LOG_ONE_OF": "logging every request is free locally, and "
    "useful to a developer",
    r"containers/mqtt-bridge/environment/(MQTT_TLS|SHUTDOWN_BUDGET_S)": "there is no TLS on "
    "loopback; a Fargate task has more time to end",
    r"containers/mqtt-bridge/.*": "only with a broker, as in production's test",
    r"containers/operations/.*": "locally an operator runs the commands by hand, with sim/.env",
    r"functions/.*/environment/IDENTITY_CLAIM": "chosen by the company; the default locally",
    r"(containers/consumer|functions/delivery)/environment/CLOSED_RETENTION_DAYS": "chosen by each "
    "environment; the default locally",
}
"""Pattern of a fact's path, and the reason why it differs."""

ENVIRONMENTS = {"dev": "rtdts-dev", "prod": "rtdts"}
LEFT_OUT = {"dev": {"iot", "iot-enrollment", "mqtt_bridge"}, "prod": {"test-issuer"}}
"""Parts that the test of an environment leaves out."""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    with pytest.MonkeyPatch.context() as patch:
        session, environment = record_local_cloud(patch, tmp_path_factory.mktemp("zips"))
    parts = {
        "consumer": consumer_part(
            environment,
            Intervals(),
            application=CloudNames().consumer_application,
            shards=1,
            java=Path("java"),
            extra_jars=(Path("a.jar"),),
            work_folder=Path("work"),
        ),
        "broadcaster": broadcaster_parts(environment, Intervals())[0],
        "mqtt-bridge": bridge_part(environment, token="t"),
    }
    containers = {
        name: {
            variable: value
            for variable, value in part.environment.items()
            if variable not in plain_environment()
            and (variable in _declared(name) or variable == "AWS_ENDPOINT_URL")
        }
        for name, part in parts.items()
    }
    return local_facts(session, environment, containers)


def _declared(deployable: str) -> set[str]:
    return {
        setting.env for _, setting in declared_settings(settings_of(deployable.replace("-", "_")))
    }


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, str]:
    """Returns the paths of the facts that differ, and both values."""
    absent = "absent"
    return {
        path: f"{one.get(path, absent)!r} locally, {other.get(path, absent)!r} in AWS"
        for path in one.keys() | other.keys()
        if one.get(path, absent) != other.get(path, absent)
    }


def is_explained(path: str) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in DIFFERENCES)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_aws_and_the_local_cloud_differ_only_as_listed(
    environment: str, local: Facts, state_of: Callable[[str], dict[str, Any]]
) -> None:
    aws = aws_facts(state_of(environment), ENVIRONMENTS[environment])

    found = differences(local, aws)

    assert not {path: how for path, how in found.items() if not is_explained(path)}


def test_every_listed_difference_still_exists(
    local: Facts, state_of: Callable[[str], dict[str, Any]]
) -> None:
    found = [
        path
        for environment, prefix in ENVIRONMENTS.items()
        for path in differences(local, aws_facts(state_of(environment), prefix))
    ]

    unused = [
        pattern for pattern in DIFFERENCES if not any(re.fullmatch(pattern, path) for path in found)
    ]
    assert not unused


def test_every_kind_of_resource_is_compared(local: Facts) -> None:
    kinds = {path.split("/")[0] for path in local}

    assert {"tables", "queues", "stream", "functions", "http", "socket", "containers"} <= kinds
    tables = [path for path in local if re.fullmatch(r"tables/[^/]+/keys", path)]
    assert len(tables) == len(TABLES) + len(NAME_SUFFIXES)


@pytest.mark.parametrize(
    "change",
    [
        {"tables/deliveries/keys": {"hash": "id", "range": None}},
        {"tables/subscriptions/indexes/by-bucket": None},
        {"queues/nudges.fifo/attributes": {}},
        {"http/routes/POST /telemetry/authorization": "NONE"},
        {"socket/routes/track/response": "$default"},
        {"functions/ingest/environment/STREAM_NAME": "another"},
        {"containers/broadcaster/environment/NUDGE_QUEUE_URL": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_unlisted_difference_is_found(change: Facts, local: Facts) -> None:
    assert change.keys() <= local.keys()
    gone = {path for path, value in change.items() if value is None}
    changed = {path: value for path, value in (local | change).items() if path not in gone}

    found = differences(local, changed)

    assert found.keys() == change.keys()
    assert not any(map(is_explained, found))


def test_both_clouds_install_index_templates_with_the_same_code() -> None:
    installs = rtdts.position_store.index_definitions.install_index_templates

    assert sim.local_cloud.stack.install_index_templates is installs  # type: ignore[attr-defined]
    assert search_admin_lambda.opensearch_domain.install_index_templates is installs  # type: ignore[attr-defined]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_firehose_writes_to_indexes_that_match_the_template(
    environment: str, state_of: Callable[[str], dict[str, Any]]
) -> None:
    (firehose,) = [
        values["opensearch_configuration"][0]
        for _, kind, values in resources_of(state_of(environment))
        if kind == "aws_kinesis_firehose_delivery_stream"
    ]

    assert f"{firehose['index_name']}-*" == RAW_PATTERN
    assert firehose["index_rotation_period"] == "OneDay"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_required_setting_is_set(
    environment: str, state_of: Callable[[str], dict[str, Any]]
) -> None:
    """Checks what each container and function really gets, not what its module declares."""
    aws = aws_facts(state_of(environment), ENVIRONMENTS[environment])
    defined = definitions()
    missing = [
        path
        for kind in ("functions", "containers")
        for name, definition in defined[kind].items()
        if name not in LEFT_OUT[environment]
        for setting, need in definition["settings"].items()
        if need == "required"
        and (path := f"{kind}/{name.replace('_', '-')}/environment/{setting}") not in aws
        and not (kind == "functions" and setting == "AWS_REGION")  # Lambda sets it
    ]

    assert not missing
