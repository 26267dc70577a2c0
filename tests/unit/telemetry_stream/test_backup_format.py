"""Firehose's backup: concatenated records are split, and one truck's records removed."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.telemetry_stream.aggregation import aggregate
from rtdts.telemetry_stream.backup_format import (
    BrokenObjectError,
    FailedDocument,
    arrived_at_ms,
    failed_documents,
    is_about,
    plain,
    split_records,
    truck_of,
    without_truck,
)
from sim.local_cloud.firehose_objects import join_records, object_name

KEY = (
    "points/2026/11/24/06/rtdts-raw-log-1-2026-11-24-06-52-48-"
    "0d1b9f9c-6c3b-4b6c-8a39-0b7e7b0e0e3c.gz"
)
# As in the developer guide ("Handle data delivery failures", OpenSearch Service): there every value
# is a text; in published objects, times are epoch milliseconds.
FAILED = b"""\
{"attemptsMade":8,"arrivalTimestamp":1795503168120,"errorCode":"429","errorMessage":\
"es_rejected_execution_exception","attemptEndingTimestamp":1795503480001,"esDocumentId":"",\
"esIndexName":"truck-raw-2026-11-24","esTypeName":"","rawData":"eyJ0cnVja19pZCI6IlQtMSJ9"}
{"attemptsMade":"1","arrivalTimestamp":"1795503168121","errorCode":"400","errorMessage":\
"mapper_parsing_exception","attemptEndingTimestamp":"1795503168300","esDocumentId":"",\
"esIndexName":"truck-raw-2026-11-24","esTypeName":"","rawData":"eyJ0cnVja19pZCI6IlQtMiJ9"}
"""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def record(truck_id: str, **more: object) -> bytes:
    return json.dumps({"truck_id": truck_id, **more}).encode()


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4)), st.sampled_from(["", "\n", " \r\n"]))
def test_records_are_split_with_and_without_white_space_between_them(
    values: list[dict[str, object]], between: str
) -> None:
    records = [json.dumps(value).encode() for value in values]

    assert list(split_records(between.encode().join(records))) == records


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_other_bytes_between_records_are_kept_unchanged(one: bytes, two: bytes) -> None:
    whole = one + b'}\n{"truck_id":"T-1"}\n' + two

    pieces = list(split_records(whole))

    assert b'{"truck_id":"T-1"}' in pieces or b"{" in one
    white = b" \t\r\n"
    assert b"".join(pieces).translate(None, white) == whole.translate(None, white)


def test_points_are_found_in_an_aggregate_that_was_not_split() -> None:
    data = aggregate("T-1", [record("T-1", seq=1), record("T-1", seq=2)])

    assert [one for one in split_records(data) if truck_of(one)] == [
        record("T-1", seq=1),
        record("T-1", seq=2),
    ]


def test_failed_documents_are_read_by_their_documented_fields() -> None:
    one, two = failed_documents(FAILED)

    assert isinstance(one, FailedDocument)
    assert isinstance(two, FailedDocument)
    assert [one.record, two.record] == [b'{"truck_id":"T-1"}', b'{"truck_id":"T-2"}']
    assert one.esIndexName == "truck-raw-2026-11-24"
    assert list(failed_documents(b"not one")) == [b"not one"]


def test_a_key_contains_the_arrival_of_its_oldest_record() -> None:
    at = datetime(2026, 11, 24, 6, 52, 48, tzinfo=UTC)

    assert arrived_at_ms(KEY) == int(at.timestamp() * 1000)
    assert arrived_at_ms(object_name("points/", "any-stream", at, "u-u-i-d")) == arrived_at_ms(KEY)
    assert arrived_at_ms("points/by-hand.gz") is None
    assert arrived_at_ms("points/x-1-2026-13-24-06-52-48-u.gz") is None


def test_an_object_is_unpacked_if_it_is_compressed() -> None:
    assert plain(gzip.compress(b"{}")) == plain(b"{}") == b"{}"


@pytest.mark.parametrize(
    "broken", [gzip.compress(b"x" * 500, mtime=0)[:-9], b"\x1f\x8bno", b"\x1f\x8b"]
)
def test_a_broken_gzip_object_is_reported(broken: bytes) -> None:
    with pytest.raises(BrokenObjectError):
        plain(broken)


def test_a_trucks_records_are_removed_and_the_others_stay_byte_for_byte() -> None:
    others = [record("T-2", note="T-1"), b'{ "truck_id" : "T-11" }', b"\xffbinary"]
    body = join_records([record("T-1"), *others[:2], b'{"truck_id":"T\\u002d1"}', others[2]])

    rest, lost = without_truck(KEY, body, "T-1")

    assert lost == 2
    assert gzip.decompress(rest) == b"".join(others)


def test_an_object_without_the_trucks_records_is_unchanged() -> None:
    for body in (join_records([record("T-2")]), record("T-2"), b""):
        assert without_truck(KEY, body, "T-1") == (body, 0)


def test_an_object_with_only_the_trucks_records_is_emptied() -> None:
    assert without_truck(KEY, join_records([record("T-1")]), "T-1") == (b"", 1)


def test_a_truck_is_removed_from_failed_documents_too() -> None:
    rest, lost = without_truck("failed/a.gz", gzip.compress(FAILED), "T-1")

    assert lost == 1
    (left,) = failed_documents(plain(rest))
    assert isinstance(left, FailedDocument)
    assert truck_of(left.record) == "T-2"


def test_a_malformed_failed_document_is_the_trucks_if_it_mentions_it() -> None:
    line = json.dumps({"rawData": base64.b64encode(b"?").decode()}).encode()

    assert without_truck("failed/a", b"garbage T-1\n" + line, "T-1") == (line, 1)


@pytest.mark.parametrize(
    ("data", "about"),
    [
        (b'{"truck_id":"T-1"}', True),
        (b'{"truck_id":"T-2","x":"T-1"}', False),
        (b'{"truck_id":"T-1"', True),
        (b'{"truck_id":"T-12"', False),
        (b'{"truck_id":"AT-1"', False),
        (b"\x0a\x03T-1\x1a", True),
        (b"", False),
    ],
)
def test_a_record_without_a_truck_id_is_the_trucks_if_it_mentions_it(
    data: bytes, about: bool
) -> None:
    assert is_about(data, "T-1") is about
