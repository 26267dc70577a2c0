"""All of ingest over AWS IoT Core: rule, device stream, Lambda, main stream, and error handling.

ministack emulates the rules engine, Kinesis, Lambda and SQS; the rule's SQL and the Lambda's zip
are the ones that are deployed.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import msgspec
import pytest

from deploy.lambdas import IOT
from operations.console import Console
from operations.replay_failed_messages import FailedMessageStores, replay_failed_messages
from rtdts.telemetry_stream.device_stream import DeviceStream
from rtdts.telemetry_stream.failed_messages import FailedMessages
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import decode_point
from sim.local_cloud.deaggregation import deaggregate
from sim.local_cloud.lambdas import ROLE_ARN, RUNTIME, function_variables
from sim.local_cloud.resources import (
    CloudNames,
    create_resources,
    local_session,
)
from tests.support.corrected_ministack import corrected_ministack
from tests.support.http_intake import over_http
from tests.support.iot_rules import basic_ingest, create_rule, publish, to_stream
from tests.support.lambda_zips import zip_of
from tests.support.ministack_process import REGION
from tests.support.operations_world import quick
from tests.support.telemetry_points import telemetry_point
from tests.support.waiting import eventually

DEVICE_MESSAGES = "rtdts-device-messages"
numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IotIngest:
    """A local cloud's ingest over AWS IoT Core."""

    session: boto3.Session
    url: str
    names: CloudNames
    variables: dict[str, str]
    function_arn: str
    error_queue_url: str

    def client(self, service: Any) -> Any:
        return self.session.client(service, endpoint_url=self.url)

    def rule(self, stream: str = DEVICE_MESSAGES) -> str:
        """Creates a rule that writes into a stream, and returns its name."""
        name = f"telemetry_{next(numbers)}"
        create_rule(
            self.session, self.url, name, to_stream(stream), error_queue_url=self.error_queue_url
        )
        return name

    def publish(self, rule: str, truck_id: str, payload: bytes) -> None:
        publish(self.session, self.url, basic_ingest(rule, truck_id), payload)

    def points_of(self, *truck_ids: str, stream: str | None = None) -> list[Point]:
        """Returns the points of some trucks as the consumer would read them, in its order."""
        kinesis = self.client("kinesis")
        stream = stream or self.names.stream
        points: list[Point] = []
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
                if record["PartitionKey"] in truck_ids:
                    users = deaggregate(record["Data"], record["PartitionKey"])
                    points += [decode_point(one.data) for one in users]
        return points


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The Lambda's zip, built for this machine."""
    return zip_of(IOT, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory, package: bytes) -> Iterator[IotIngest]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        session = local_session(REGION)
        created = create_resources(url, REGION, CloudNames())
        kinesis = session.client("kinesis", endpoint_url=url)
        kinesis.create_stream(StreamName=DEVICE_MESSAGES, ShardCount=2)
        kinesis.get_waiter("stream_exists").wait(
            StreamName=DEVICE_MESSAGES, WaiterConfig={"Delay": 1}
        )
        queue = session.client("sqs", endpoint_url=url).create_queue(QueueName="failed-messages")
        variables = {
            "AWS_ENDPOINT_URL": url,
            "STREAM_NAME": created.names.stream,
            "PARKED_BUCKET": created.names.parked_bucket,
            "BLOCKED_IDENTITIES_TABLE": created.names.tables.blocked_identities,
        }
        arn = create_function(session, url, package, "iot", variables)
        map_stream(session, url, DEVICE_MESSAGES, arn)
        yield IotIngest(
            session=session,
            url=url,
            names=created.names,
            variables=variables,
            function_arn=arn,
            error_queue_url=queue["QueueUrl"],
        )


def create_function(
    session: boto3.Session, url: str, package: bytes, name: str, variables: dict[str, str]
) -> str:
    arn = session.client("lambda", endpoint_url=url).create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Role=ROLE_ARN,
        Handler=IOT.handler,
        Code={"ZipFile": package},
        Timeout=60,
        MemorySize=512,
        Environment={"Variables": function_variables(IOT, variables)},
    )["FunctionArn"]
    return str(arn)


def map_stream(session: boto3.Session, url: str, stream: str, function_arn: str) -> None:
    kinesis = session.client("kinesis", endpoint_url=url)
    description = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    session.client("lambda", endpoint_url=url).create_event_source_mapping(
        EventSourceArn=description["StreamARN"],
        FunctionName=function_arn,
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=-1,
    )


def unique_truck() -> str:
    return f"T-{next(numbers)}"


def point(truck_id: str, seq: int, *, age_ms: int = 1_000, **fields: Any) -> dict[str, Any]:
    return telemetry_point(int(time.time() * 1_000) - age_ms, truck_id, seq=seq, **fields)


def positions(*points: dict[str, Any]) -> bytes:
    return json.dumps({"positions": points}).encode()


def ids_of(points: Sequence[Point]) -> list[str]:
    return [point_id(one) for one in points]


def test_points_over_iot_core_reach_the_consumer_as_the_same_points_over_http(
    ingest: IotIngest,
) -> None:
    truck_id, rule = unique_truck(), ingest.rule()
    bodies = [
        json.dumps(point(truck_id, 1, speed_mps=13.20, odometer_m=10.0)).encode(),
        positions(point(truck_id, 2), point(truck_id, 3, age_ms=-3_600_000), point(truck_id, 4)),
    ]
    for body in bodies:
        ingest.publish(rule, truck_id, body)
    read = eventually(lambda: found if len(found := ingest.points_of(truck_id)) == 4 else None)
    received_at_ms = [read[0].received_at_ms, read[1].received_at_ms]

    expected = [
        msgspec.structs.replace(one, source="mqtt")
        for body, at_ms in zip(bodies, received_at_ms, strict=True)
        for one in over_http(body, truck_id, at_ms)
    ]
    assert read == expected


def test_a_faulty_message_is_parked_and_delays_no_other_truck(ingest: IotIngest) -> None:
    bad, good, rule = unique_truck(), unique_truck(), ingest.rule()
    for payload in (b"\x00\xff", b"no json", b"", json.dumps(point(good, 1)).encode()):
        ingest.publish(rule, bad, payload)
    ingest.publish(rule, good, json.dumps(point(good, 2)).encode())
    s3 = ingest.client("s3")

    def parked() -> list[dict[str, Any]]:
        found = s3.list_objects_v2(
            Bucket=ingest.names.parked_bucket, Prefix=f"rejected/message-{bad}-"
        )
        return list(found.get("Contents", ()))

    eventually(lambda: len(parked()) == 4)
    eventually(lambda: [one.seq for one in ingest.points_of(good)] == [2])


def test_no_point_is_lost_while_the_main_stream_is_unavailable(
    ingest: IotIngest, package: bytes
) -> None:
    """A missing stream stands for one that accepts nothing."""
    truck_id, number = unique_truck(), next(numbers)
    small, main = f"small-{number}", f"main-{number}"
    kinesis = ingest.client("kinesis")
    kinesis.create_stream(StreamName=small, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=small, WaiterConfig={"Delay": 1})
    variables = ingest.variables | {"STREAM_NAME": main}
    arn = create_function(ingest.session, ingest.url, package, f"iot-{number}", variables)
    map_stream(ingest.session, ingest.url, small, arn)
    rule = ingest.rule(small)
    for seq in range(3):
        ingest.publish(rule, truck_id, json.dumps(point(truck_id, seq)).encode())
    logs = ingest.client("logs")

    def rejections() -> list[Any]:
        group = f"/aws/lambda/iot-{number}"
        groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if not groups:
            return []
        found = logs.filter_log_events(logGroupName=group, filterPattern="ResourceNotFound")
        return list(found["events"])

    eventually(rejections)
    kinesis.create_stream(StreamName=main, ShardCount=1)

    def read() -> set[int | None]:
        summary = kinesis.describe_stream_summary(StreamName=main)["StreamDescriptionSummary"]
        if summary["StreamStatus"] != "ACTIVE":
            return set()
        return {one.seq for one in ingest.points_of(truck_id, stream=main)}

    eventually(lambda: read() == {0, 1, 2})


def test_a_message_that_the_rule_could_not_write_is_replayed_once(ingest: IotIngest) -> None:
    truck_id = unique_truck()
    broken, working = ingest.rule("no-such-stream"), ingest.rule()
    bodies = [
        positions(point(truck_id, 1), point(truck_id, 2)),
        json.dumps(point(truck_id, 3)).encode(),
        b"no json",
    ]
    for body in bodies:
        ingest.publish(broken, truck_id, body)
    ingest.publish(working, truck_id, bodies[1])  # like a truck that got no acknowledgement
    stores = FailedMessageStores(
        queue=FailedMessages(ingest.client("sqs"), ingest.error_queue_url),
        stream=DeviceStream(ingest.client("kinesis"), DEVICE_MESSAGES),
    )
    report = replay_failed_messages(stores, quick(), Console())
    read = eventually(lambda: found if len(found := ingest.points_of(truck_id)) == 4 else None)

    assert (report.replayed, report.kept, report.failed) == (3, 0, {})
    assert {one.seq for one in read} == {1, 2, 3}
    assert len(set(ids_of(read))) == 3
    assert replay_failed_messages(stores, quick(), Console()).replayed == 0
    key = {"Bucket": ingest.names.parked_bucket, "Prefix": f"rejected/message-{truck_id}-"}
    eventually(lambda: ingest.client("s3").list_objects_v2(**key).get("KeyCount") == 1)
