from __future__ import annotations

import base64
import hashlib

import pytest
from aws_kinesis_agg.aggregator import AggRecord, messages_pb2
from aws_kinesis_agg.deaggregator import deaggregate_records
from hypothesis import given
from hypothesis import strategies as st

from rtdts.telemetry_stream.aggregation import MAGIC, aggregate, aggregated_size
from sim.local_cloud.deaggregation import CorruptAggregateError, UserRecord, deaggregate

KEYS = st.text(min_size=1, max_size=64)
PAYLOADS = st.lists(st.binary(max_size=300), min_size=1, max_size=20)


def sealed(message: bytes) -> bytes:
    """An aggregate of this message with the right digest."""
    return MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def records_of(payloads: list[bytes], key: str) -> list[UserRecord]:
    return [UserRecord(key, payload, place) for place, payload in enumerate(payloads)]


def read_by_the_oracle(data: bytes, key: str) -> list[UserRecord]:
    event = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "data": base64.b64encode(data).decode(),
            "partitionKey": key,
            "sequenceNumber": "1",
            "approximateArrivalTimestamp": 0.0,
        }
    }
    return [
        UserRecord(
            record["kinesis"]["partitionKey"],
            base64.b64decode(record["kinesis"]["data"]),
            record["kinesis"]["subSequenceNumber"],
        )
        for record in deaggregate_records(event)
    ]


@given(KEYS, PAYLOADS)
def test_an_aggregate_splits_into_its_records(key: str, payloads: list[bytes]) -> None:
    assert deaggregate(aggregate(key, payloads), "other") == records_of(payloads, key)


@given(KEYS, PAYLOADS)
def test_the_reference_library_splits_our_aggregates(key: str, payloads: list[bytes]) -> None:
    assert read_by_the_oracle(aggregate(key, payloads), key) == records_of(payloads, key)


@given(st.lists(st.tuples(KEYS, st.none() | st.just("12345"), st.binary(max_size=300)), min_size=1))
def test_our_reader_splits_the_reference_librarys_aggregates(
    entries: list[tuple[str, str | None, bytes]],
) -> None:
    theirs = AggRecord()
    for key, hash_key, payload in entries:
        assert theirs.add_user_record(key, payload, hash_key)
    _, _, data = theirs.get_contents()

    assert deaggregate(bytes(data), "other") == [
        UserRecord(key, payload, place) for place, (key, _, payload) in enumerate(entries)
    ]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 70_000])
def test_sizes_at_the_limits_of_a_varint_are_encoded_correctly(size: int) -> None:
    data = aggregate("T-1", [b"x" * size])

    assert deaggregate(data, "T-1") == read_by_the_oracle(data, "T-1")
    assert deaggregate(data, "T-1") == [UserRecord("T-1", b"x" * size, 0)]


@given(KEYS, st.lists(st.sampled_from([0, 1, 126, 127, 128, 16_383, 16_384, 20_000]), max_size=8))
def test_aggregated_size_is_a_close_upper_bound(key: str, sizes: list[int]) -> None:
    size = len(aggregate(key, [b"x" * each for each in sizes]))

    assert size <= aggregated_size(key, sizes) <= size + 8 + 14 * len(sizes)


def test_a_plain_record_is_one_record_of_its_own_key() -> None:
    for data in (b"", b'{"truck_id":"T-1"}', MAGIC[:3], MAGIC, b"\x00" + MAGIC):
        assert deaggregate(data, "T-1") == [UserRecord("T-1", data, 0)]


WHOLE = aggregate("T-1", [b"one", b"two"])


@pytest.mark.parametrize("place", range(len(WHOLE)))
def test_an_aggregate_with_any_byte_corrupt_is_one_plain_record(place: int) -> None:
    corrupt = bytearray(WHOLE)
    corrupt[place] ^= 0x55

    assert deaggregate(bytes(corrupt), "T-1") == [UserRecord("T-1", bytes(corrupt), 0)]


@pytest.mark.parametrize("kept", range(len(WHOLE)))
def test_an_aggregate_cut_short_is_one_plain_record(kept: int) -> None:
    assert deaggregate(WHOLE[:kept], "T-1") == [UserRecord("T-1", WHOLE[:kept], 0)]


@pytest.mark.parametrize(
    "message",
    [
        b"",  # the KCL does not regard an empty message as an aggregate
        b"\x0a\x05T-1",  # a length beyond the end
        b"\x0a",  # a length that is missing
        b"\xff" * 11,  # a varint that does not end
        b"\x02\x00",  # field number 0
        b"\x0b",  # the start of a group, a wire type that has no size
        b"\x09\x00",  # a fixed value beyond the end
        b"\x0a\x03T-1\x1a\x05\x1a\x03one",  # a record without its key
        b"\x0a\x03T-1\x1a\x02\x08\x00",  # a record without its data
    ],
)
def test_a_record_with_a_right_digest_but_no_valid_message_is_a_plain_record(
    message: bytes,
) -> None:
    data = sealed(message)

    assert deaggregate(data, "T-1") == [UserRecord("T-1", data, 0)]


@pytest.mark.parametrize("index", [1, 300, 2**64 - 1])
def test_a_key_outside_the_table_is_an_error(index: int) -> None:
    """The KCL logs this and loses the rest; our reader raises an error."""
    message = messages_pb2.AggregatedRecord(
        partition_key_table=["T-1"],
        records=[
            messages_pb2.Record(partition_key_index=0, data=b"good"),
            messages_pb2.Record(partition_key_index=index, data=b"lost"),
        ],
    )

    with pytest.raises(CorruptAggregateError):
        deaggregate(sealed(message.SerializeToString()), "T-1")


def test_tags_and_fields_of_later_versions_are_skipped() -> None:
    record = messages_pb2.Record(
        partition_key_index=0, data=b"one", tags=[messages_pb2.Tag(key="k", value="v")]
    )
    later = b"\x48\x07" + b"\x51" + b"8bytes.." + b"\x5d" + b"four" + b"\x62\x02hi"
    body = record.SerializeToString() + later
    message = later + b"\x0a\x03T-1" + b"\x1a" + bytes([len(body)]) + body + later

    assert deaggregate(sealed(message), "T-1") == [UserRecord("T-1", b"one", 0)]


def test_an_empty_aggregate_has_no_records() -> None:
    assert deaggregate(aggregate("T-1", []), "T-1") == []


@given(st.binary(max_size=100))
def test_any_message_is_split_or_raises_corrupt_aggregate(message: bytes) -> None:
    try:
        records = deaggregate(sealed(message), "T-1")
    except CorruptAggregateError:
        return
    assert all(isinstance(record, UserRecord) for record in records)
