"""Adds ingest over AWS IoT Core to a running local cloud: rule, device stream and Lambda.

Only drives over IoT Core need it: a local cloud has it from the first such drive on.
"""

from __future__ import annotations

import os
from typing import Any, Final

from deploy.lambdas import IOT
from deploy.package import PROJECT, build_packages
from deploy.wheels import Uv, this_machine
from sim.environment import Environment
from sim.local_cloud.lambdas import ROLE_ARN, RUNTIME, function_variables
from sim.local_cloud.resources import local_session
from sim.setup.places import find_places

RULE: Final = "rtdts_telemetry"
STREAM: Final = "rtdts-device-messages"
RULE_SQL: Final = PROJECT / "deploy/terraform/modules/iot_ingest/rules/telemetry.sql"


def data_plane(environment: Environment) -> Any:
    """The SDK's client that publishes messages."""
    session = local_session(environment.region)
    return session.client("iot-data", endpoint_url=environment.aws_endpoint_url)


def create_iot_ingest(environment: Environment) -> str:
    """Creates what is missing; returns the rule's name.

    Raises:
        botocore.exceptions.ClientError: A request was rejected.
    """
    session: Any = local_session(environment.region)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=environment.aws_endpoint_url)

    iot = client("iot")
    if RULE in [one["ruleName"] for one in iot.list_topic_rules()["rules"]]:
        return RULE
    kinesis = client("kinesis")
    kinesis.create_stream(StreamName=STREAM, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    stream = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    function = client("lambda").create_function(
        FunctionName=f"rtdts-{IOT.name}",
        Runtime=RUNTIME,
        Role=ROLE_ARN,
        Handler=IOT.handler,
        Code={"ZipFile": _zip()},
        Timeout=60,
        MemorySize=512,
        Environment={"Variables": function_variables(IOT, environment.variables())},
    )
    client("lambda").create_event_source_mapping(
        EventSourceArn=stream["StreamARN"],
        FunctionName=function["FunctionArn"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=-1,
    )
    action = {"roleArn": ROLE_ARN, "streamName": STREAM, "partitionKey": "${topic(2)}"}
    iot.create_topic_rule(
        ruleName=RULE,
        topicRulePayload={
            "sql": RULE_SQL.read_text(encoding="utf-8"),
            "awsIotSqlVersion": "2016-03-23",
            "actions": [{"kinesis": action}],
        },
    )
    return RULE


def _zip() -> bytes:
    places = find_places()
    uv = Uv(program=places.uv, environ={**os.environ, "UV_CACHE_DIR": str(places.uv_cache)})
    built = build_packages(
        target=this_machine(), uv=uv, out=places.project / "build", packages=[IOT]
    )
    return built[IOT.name].read_bytes()
