"""AWS IoT Core's rules as the local cloud's ministack runs them, against AWS's documentation.

Only the features that our rule uses. Sources, all of the AWS IoT Core Developer Guide
(https://docs.aws.amazon.com/iot/latest/developerguide/): "Functions" (iot-sql-functions.html),
"Working with binary payloads" (binary-payloads.html), "Reducing messaging costs with Basic Ingest"
(iot-basic-ingest.html), "Substitution templates" (iot-substitution-templates.html) and "Error
handling" (rule-error-handling.html).
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from sim.local_cloud.resources import local_session
from tests.support.corrected_ministack import corrected_ministack
from tests.support.iot_rules import (
    RULE_SQL,
    basic_ingest,
    create_rule,
    publish,
    to_queue,
    to_stream,
)
from tests.support.ministack_process import REGION

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return local_session(REGION)


@pytest.fixture
def queue(url: str, session: boto3.Session) -> tuple[str, Callable[[], list[str]]]:
    """A queue's URL, and a function that returns the messages sent to it since the last call."""
    client = session.client("sqs", endpoint_url=url)
    queue_url = client.create_queue(QueueName=f"results-{next(numbers)}")["QueueUrl"]

    def bodies() -> list[str]:
        response = client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        return [one["Body"] for one in response.get("Messages", ())]

    return queue_url, bodies


@pytest.fixture
def stream(url: str, session: boto3.Session) -> tuple[str, Callable[[], list[Any]]]:
    """The name of a stream with one shard, and a function that returns all its records."""
    client = session.client("kinesis", endpoint_url=url)
    name = f"device-messages-{next(numbers)}"
    client.create_stream(StreamName=name, ShardCount=1)
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})

    def records() -> list[Any]:
        iterator = client.get_shard_iterator(
            StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return client.get_records(ShardIterator=iterator)["Records"]

    return name, records


@pytest.mark.parametrize(
    ("select", "topic", "payload", "selected"),
    [
        # "topic(Decimal)": its two examples.
        (
            "SELECT topic() AS r",
            "things/myThings/thingOne",
            b"{}",
            {"r": "things/myThings/thingOne"},
        ),
        ("SELECT topic(1) AS r", "things/myThings/thingOne", b"{}", {"r": "things"}),
        # "encode(value, encodingScheme)": * is the entire payload, whether or not it is JSON.
        ("SELECT encode(*, 'base64') AS data", "x", b"\xff\x00", {"data": "/wA="}),
        ("SELECT encode(*, 'base64') AS data", "x", b'{"a": 1.0}', {"data": "eyJhIjogMS4wfQ=="}),
        ("SELECT encode(*, 'base64') AS data", "x", b"", {"data": ""}),
        # "Undefined" values are left out of the result.
        ("SELECT topic(9) AS r, topic(1) AS s", "x/y", b"{}", {"s": "x"}),
    ],
)
def test_the_functions_of_a_rules_sql_behave_as_documented(
    url: str,
    session: boto3.Session,
    queue: tuple[str, Callable[[], list[str]]],
    select: str,
    topic: str,
    payload: bytes,
    selected: dict[str, Any],
) -> None:
    queue_url, bodies = queue
    rule = f"rule_{next(numbers)}"
    create_rule(session, url, rule, to_queue(queue_url), sql=select)
    publish(session, url, f"$aws/rules/{rule}/{topic}", payload)

    assert [json.loads(body) for body in bodies()] == [selected]


def test_basic_ingest_needs_no_from_clause_and_functions_ignore_its_prefix(
    url: str, session: boto3.Session, queue: tuple[str, Callable[[], list[str]]]
) -> None:
    """The example of "Reducing messaging costs with Basic Ingest"."""
    queue_url, bodies = queue
    rule = f"BuildingManager{next(numbers)}"
    create_rule(session, url, rule, to_queue(queue_url), sql="SELECT topic(3) AS floor")
    publish(session, url, f"$aws/rules/{rule}/Buildings/Building5/Floor2/Room201/Lights", b"{}")
    publish(session, url, "Buildings/Building5/Floor3/Room201/Lights", b"{}")

    assert [json.loads(body) for body in bodies()] == [{"floor": "Floor2"}]


@pytest.mark.parametrize("payload", [b'{"lat": 35.10}', b"\x1f\x8b\x08\x00\xff", b"", b"no json"])
def test_our_rule_writes_truck_id_time_and_the_unchanged_payload(
    url: str,
    session: boto3.Session,
    stream: tuple[str, Callable[[], list[Any]]],
    payload: bytes,
) -> None:
    name, records = stream
    rule = f"telemetry_{next(numbers)}"
    create_rule(session, url, rule, to_stream(name))
    from_ms = int(time.time() * 1_000)
    publish(session, url, basic_ingest(rule, "T-1"), payload)
    (record,) = records()
    written = json.loads(record["Data"])

    assert record["PartitionKey"] == "T-1"
    assert written.keys() == {"truck_id", "received_at_ms", "payload"}
    assert written["truck_id"] == "T-1"
    assert from_ms <= written["received_at_ms"] <= time.time() * 1_000
    assert base64.b64decode(written["payload"], validate=True) == payload
    assert "FROM" not in RULE_SQL.upper()


def test_a_message_that_an_action_failed_to_write_is_in_the_error_document(
    url: str, session: boto3.Session, queue: tuple[str, Callable[[], list[str]]]
) -> None:
    queue_url, bodies = queue
    rule = f"telemetry_{next(numbers)}"
    create_rule(session, url, rule, to_stream("no-such-stream"), error_queue_url=queue_url)
    publish(session, url, basic_ingest(rule, "T-1"), b"\xff\x00")
    (document,) = map(json.loads, bodies())

    assert document["ruleName"] == rule
    assert document["topic"].endswith("trucks/T-1/telemetry")
    assert base64.b64decode(document["base64OriginalPayload"]) == b"\xff\x00"
    assert [one["failedAction"] for one in document["failures"]] == ["KinesisAction"]
