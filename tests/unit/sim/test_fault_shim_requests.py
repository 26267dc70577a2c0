"""A request's operation and ids, read from the bytes that real clients send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.fault_shim.requests import Dialect, Received, Request, understand


def signed(service: str) -> str:
    scope = f"test/20261124/eu-central-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"


def aws_json(target: str, document: Any) -> Request:
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return understand(Received(method="POST", target="/", headers=headers, body=body))


def plain(
    method: str, target: str, body: bytes = b"", *, authorization: str = "", content_type: str = ""
) -> Request:
    headers = {"authorization": authorization, "content-type": content_type}
    return understand(Received(method=method, target=target, headers=headers, body=body))


def test_each_entry_of_put_records_is_a_partition_key() -> None:
    request = aws_json(
        "Kinesis_20131202.PutRecords",
        {
            "StreamName": "points",
            "Records": [
                {"PartitionKey": "T-1", "Data": "eA=="},
                {"PartitionKey": "T-2", "Data": "eQ=="},
            ],
        },
    )

    assert (request.service, request.operation) == ("kinesis", "PutRecords")
    assert request.targets == ("points",)
    assert request.entries == (("T-1",), ("T-2",))
    assert request.dialect is Dialect.JSON


def test_a_query_on_an_index_is_recognised_with_the_index() -> None:
    request = aws_json(
        "DynamoDB_20120810.Query",
        {
            "TableName": "subscriptions",
            "IndexName": "by-bucket",
            "ExpressionAttributeValues": {":bucket": {"N": "17"}},
        },
    )

    assert (request.service, request.operation) == ("dynamodb", "Query")
    assert request.targets == ("subscriptions",)
    assert request.index == "by-bucket"
    assert request.entries == (("by-bucket", "17"),)


def test_a_transaction_lists_each_table_once_and_all_its_keys() -> None:
    request = aws_json(
        "DynamoDB_20120810.TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": "deliveries", "Item": {"delivery_id": {"S": "D-1"}}}},
                {"Put": {"TableName": "events", "Item": {"version": {"N": "2"}}}},
                {"Update": {"TableName": "deliveries", "Key": {"truck_id": {"S": "T-1"}}}},
            ]
        },
    )

    assert request.targets == ("deliveries", "events")
    assert request.entries == (("D-1", "2", "T-1"),)
    assert request.batch is None


@pytest.mark.parametrize(
    ("parsed", "entries"),
    [
        (
            {"a": {"Keys": [{"id": {"S": "1"}}, {"id": {"S": "2"}}]}, "b": {"Keys": []}},
            (("a", "1"), ("a", "2")),
        ),
        (
            {
                "a": [{"DeleteRequest": {"Key": {"id": {"S": "1"}}}}],
                "b": [{"PutRequest": {"Item": {"id": {"S": "2"}, "n": {"N": "3"}}}}],
            },
            (("a", "1"), ("b", "2", "3")),
        ),
    ],
)
def test_each_entry_of_a_dynamodb_batch_is_a_table_and_a_key(parsed: Any, entries: Any) -> None:
    reads = "Keys" in next(iter(parsed.values()))
    operation = "BatchGetItem" if reads else "BatchWriteItem"
    request = aws_json(f"DynamoDB_20120810.{operation}", {"RequestItems": parsed})

    assert request.targets == ("a", "b")
    assert request.entries == entries


def test_each_entry_of_a_message_batch_has_its_group_and_its_ids() -> None:
    request = aws_json(
        "AmazonSQS.SendMessageBatch",
        {
            "QueueUrl": "http://127.0.0.1/q.fifo",
            "Entries": [
                {"Id": "0", "MessageGroupId": "D-1", "MessageDeduplicationId": "D-1/2"},
                {"Id": "1", "MessageGroupId": "D-2", "MessageDeduplicationId": "D-2/1"},
            ],
        },
    )

    assert (request.service, request.operation) == ("sqs", "SendMessageBatch")
    assert request.targets == ("http://127.0.0.1/q.fifo",)
    assert request.entries == (("D-1", "D-1/2", "0"), ("D-2", "D-2/1", "1"))


@pytest.mark.parametrize(
    ("method", "operation"),
    [("POST", "PostToConnection"), ("GET", "GetConnection"), ("DELETE", "DeleteConnection")],
)
def test_the_connection_id_in_a_path_is_decoded(method: str, operation: str) -> None:
    path = "/_aws/execute-api/abc/live/@connections/L0SM9c%2BF%2FHw%3D"
    request = plain(method, path, authorization=signed("execute-api"))

    assert (request.service, request.operation) == ("execute-api", operation)
    assert request.entries == (("L0SM9c+F/Hw=",),)
    assert request.path == path


def test_the_operation_at_a_gateway_is_method_and_path() -> None:
    request = plain("POST", "/_aws/execute-api/abc/$default/telemetry?x=1")

    assert request.service == "execute-api"
    assert request.operation == "POST /_aws/execute-api/abc/$default/telemetry"


def test_the_operation_of_the_query_protocol_is_read_from_the_form() -> None:
    request = plain(
        "POST",
        "/",
        b"Action=SendMessage&QueueUrl=http%3A%2F%2Fq&MessageBody=hello",
        authorization=signed("sqs"),
        content_type="application/x-www-form-urlencoded; charset=utf-8",
    )

    assert (request.service, request.operation) == ("sqs", "SendMessage")
    assert request.targets == ("http://q",)
    assert request.dialect is Dialect.QUERY


def test_an_s3_object_is_recognised_by_bucket_and_key() -> None:
    request = plain("PUT", "/parked/rejected/a%2Fb.json", b"x", authorization=signed("s3"))

    assert (request.service, request.operation) == ("s3", "PutObject")
    assert (request.targets, request.entries) == (("parked",), (("rejected/a/b.json",),))


def test_each_entry_of_a_bulk_request_is_an_index_and_a_document_id() -> None:
    body = (
        b'{"index":{"_index":"truck-latest","_id":"T-1"}}\n{"a":1}\n'
        b'{"delete":{"_id":"2"}}\n'
        b'{"create":{"_id":3}}\n{"b":2}\n'
    )
    request = plain("POST", "/positions/_bulk?filter_path=errors", body)

    assert (request.service, request.operation) == ("opensearch", "_bulk")
    assert request.targets == ("positions", "truck-latest")
    assert request.entries == (("truck-latest", "T-1"), ("positions", "2"), ("positions", "3"))


@pytest.mark.parametrize(
    ("method", "target", "operation", "targets"),
    [
        ("POST", "/truck-latest/_mget", "_mget", ("truck-latest",)),
        ("GET", "/a,b/_search?q=1", "_search", ("a", "b")),
        ("PUT", "/truck-state/_doc/T-1", "_doc", ("truck-state",)),
        ("GET", "/_cluster/health", "_cluster", ()),
        ("GET", "/", "GET /", ()),
    ],
)
def test_the_operation_of_opensearch_is_read_from_the_path(
    method: str, target: str, operation: str, targets: tuple[str, ...]
) -> None:
    request = plain(method, target)

    assert (request.service, request.operation) == ("opensearch", operation)
    assert request.targets == targets


@pytest.mark.parametrize(
    "body",
    [b"", b"\xbf\xff", b"[]", b'{"Records": 7}', b'{"Records": [7]}', b'{"Records'],
    ids=repr,
)
def test_an_unreadable_body_is_not_treated_as_a_batch(body: bytes) -> None:
    assert aws_json("Kinesis_20131202.PutRecords", body).batch is None
    assert plain("POST", "/_bulk", body).batch is None or not body
