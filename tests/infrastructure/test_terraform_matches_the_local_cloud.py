"""One infrastructure, two clouds: whatever differs is on a short list, with its reason."""

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
    r"functions/(search-admin|test-issuer)/.*": "only an account has them: a local cloud prepares "
    "its node itself and has an identity provider of its own",
    r"functions/track/environment/AWS_REGION": "Lambda sets its own",
    r"stream/shards": "each environment's own choice",
    r".*/environment/AWS_ENDPOINT_URL": "the emulator's address, for the SDK",
    r"containers/consumer/environment/KCL_(FAILOVER|SHARD_SYNC_INTERVAL|"
    r"LEASE_ASSIGNMENT_INTERVAL|WORKER_METRICS_CAPTURE|WORKER_METRICS_REPORT|IDLE)_MS": "in AWS "
    "the KCL's own pace is right for its cost; a developer does not wait minutes",
    r"containers/consumer/environment/KCL_(METRICS_LEVEL|CBOR)": "what the emulator can't do",
    r"containers/consumer/environment/KCL_WORKER_ID": "in AWS the task's id, which the container's "
    "launcher finds out",
    r"containers/consumer/environment/(JAVA|KCL_EXTRA_JARS|KCL_WORK_FOLDER)": "of this machine; a "
    "container has its own, by its image or by default",
    r"containers/consumer/environment/KCL_RETRIEVAL_MODE": "a choice in AWS; the default here",
    r"containers/broadcaster/environment/POSTS_PER_SECOND": "the account's quota, divided; the "
    "gateway here belongs to one system, and what it gives is learned",
    r"containers/broadcaster/environment/ROUND_SPREAD": "spreads the load on AWS's quota; here all "
    "are notified at once",
    r"containers/(consumer/environment/DWELL_S|broadcaster/environment/ROUND_INTERVAL_S)": "a demo "
    "shows in a minute what takes a day; in AWS the defaults hold unless an operator says so",
    r"containers/broadcaster/environment/ROUND_QUEUE_URL": "two broadcasters of production divide "
    "each round; the one here, as development's, makes it alone",
    r"functions/(delivery|track|socket-authorizer)/environment/EDGE_SECRETS": "only CloudFront "
    "adds them, and it stands in AWS alone; empty where it does not stand",
    r"functions/ingest/environment/LOG_ONE_OF": "a line for each request costs nothing here, and a "
    "developer looks for it",
    r"containers/mqtt-bridge/environment/(MQTT_TLS|SHUTDOWN_BUDGET_S)": "on the loopback there is "
    "no TLS; a task of Fargate has more time to end",
    r"containers/mqtt-bridge/.*": "only where a broker is named, as in production's test",
    r"containers/operations/.*": "here an operator types the commands, with sim/.env's variables",
    r"functions/.*/environment/IDENTITY_CLAIM": "the company's to choose; the default here",
    r"(containers/consumer|functions/delivery)/environment/CLOSED_KEPT_DAYS": "how long is an "
    "environment's own choice; the default here",
}
"""Path of a fact, as a pattern, and why it is not the same in both."""

ENVIRONMENTS = {"dev": "rtdts-dev", "prod": "rtdts"}
LEFT_OUT = {"dev": {"iot", "iot-enrollment", "mqtt_bridge"}, "prod": {"test-issuer"}}
"""What an environment has not in its test."""


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
    """What differs, and how."""
    absent = "absent"
    return {
        path: f"{one.get(path, absent)!r} locally, {other.get(path, absent)!r} in AWS"
        for path in one.keys() | other.keys()
        if one.get(path, absent) != other.get(path, absent)
    }


def is_explained(path: str) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in DIFFERENCES)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_both_clouds_are_the_same_but_for_what_is_listed(
    environment: str, local: Facts, state_of: Callable[[str], dict[str, Any]]
) -> None:
    aws = aws_facts(state_of(environment), ENVIRONMENTS[environment])

    found = differences(local, aws)

    assert not {path: how for path, how in found.items() if not is_explained(path)}


def test_nothing_is_listed_that_is_the_same(
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


def test_enough_is_compared(local: Facts) -> None:
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
def test_a_difference_would_be_found(change: Facts, local: Facts) -> None:
    assert change.keys() <= local.keys()
    gone = {path for path, value in change.items() if value is None}
    changed = {path: value for path, value in (local | change).items() if path not in gone}

    found = differences(local, changed)

    assert found.keys() == change.keys()
    assert not any(map(is_explained, found))


def test_templates_come_from_the_same_code() -> None:
    installs = rtdts.position_store.index_definitions.install_index_templates

    assert sim.local_cloud.stack.install_index_templates is installs  # type: ignore[attr-defined]
    assert search_admin_lambda.opensearch_domain.install_index_templates is installs  # type: ignore[attr-defined]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_firehose_writes_to_the_indexes_that_have_the_template(
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
def test_every_required_setting_is_given(
    environment: str, state_of: Callable[[str], dict[str, Any]]
) -> None:
    """By what each container and function is given, not by what its module declares for checks."""
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
        and not (kind == "functions" and setting == "AWS_REGION")  # Lambda gives it
    ]

    assert not missing
