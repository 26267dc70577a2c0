"""AWS IoT Core's rules as the tests run them: ministack's rules engine, with our rules' own SQL."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import boto3

from sim.local_cloud.lambdas import ROLE_ARN
from tests.support.source_tree import ROOT

MODULE: Final = ROOT / "deploy" / "terraform" / "modules" / "iot_ingest"
RULE_SQL: Final = (MODULE / "rules" / "telemetry.sql").read_text(encoding="utf-8")
"""The SQL that Terraform sets in the rule."""


def template(name: str, **values: str) -> Any:
    """Returns a JSON file of the module, filled in as by Terraform's ``templatefile``."""
    text = (MODULE / name).read_text(encoding="utf-8")
    filled = re.sub(r"(?<!\$)\$\{(\w+)\}", lambda found: values[found[1]], text)
    return json.loads(filled.replace("$${", "${"))


def create_rule(
    session: boto3.Session,
    url: str,
    name: str,
    *actions: dict[str, Any],
    sql: str = RULE_SQL,
    error_queue_url: str | None = None,
) -> None:
    """Creates a rule with its error action."""
    rule: dict[str, Any] = {
        "sql": sql,
        "awsIotSqlVersion": "2016-03-23",
        "actions": list(actions),
    }
    if error_queue_url is not None:
        rule["errorAction"] = to_queue(error_queue_url)
    client = session.client("iot", endpoint_url=url)
    client.create_topic_rule(ruleName=name, topicRulePayload=rule)


def to_stream(name: str) -> dict[str, Any]:
    """Returns the action that writes to the device stream."""
    kinesis = {"roleArn": ROLE_ARN, "streamName": name, "partitionKey": "${topic(2)}"}
    return {"kinesis": kinesis}


def to_queue(queue_url: str, *, role_arn: str = ROLE_ARN) -> dict[str, Any]:
    """Returns the action that writes to a queue."""
    return {"sqs": {"roleArn": role_arn, "queueUrl": queue_url, "useBase64": False}}


def publish(session: boto3.Session, url: str, topic: str, payload: bytes) -> None:
    """Publishes a truck's message through the HTTP API of AWS IoT Core's data plane."""
    client = session.client("iot-data", endpoint_url=url)
    client.publish(topic=topic, qos=1, payload=payload)


def basic_ingest(rule: str, truck_id: str) -> str:
    """Returns the topic on which a truck publishes directly to a rule."""
    return f"$aws/rules/{rule}/trucks/{truck_id}/telemetry"
