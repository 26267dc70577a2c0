import base64
import io
import itertools
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.raw_log import RawDocument
from rtdts.runtime.logs import Logger
from rtdts.telemetry_stream.aggregation import aggregate
from rtdts.telemetry_stream.backup_format import arrived_at_ms, plain, split_records
from sim.local_cloud.firehose import Firehose
from sim.local_cloud.firehose_buffer import Batch, Buffer
from sim.local_cloud.firehose_delivery import Delivery, DeliveryStoppedError
from sim.local_cloud.firehose_documents import StreamRecord, documents_of
from sim.local_cloud.firehose_positions import PositionFile
from tests.fakes.fake_raw_log import FakeRawLog

ARRIVED_AT = datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC)
INDEX = "truck-raw-2026-11-24"


def record(data: bytes) -> StreamRecord:
    return StreamRecord(
        shard_id="shard-0",
        sequence_number="7",
        partition_key="T-1",
        data=data,
        arrived_at=ARRIVED_AT,
    )


def document(number: int) -> RawDocument:
    return RawDocument(index=INDEX, source=b'{"n":%d}' % number)


def batch_of(*numbers: int, positions: dict[str, str] | None = None) -> Batch:
    return Batch(documents=[document(n) for n in numbers], failed=[], positions=positions or {})


class FakeBackup:
    """Keeps objects and parses their contents."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = plain(body)

    @property
    def records(self) -> list[bytes]:
        return [
            record
            for key, body in self.objects.items()
            if key.startswith("points/")
            for record in split_records(body)
        ]

    @property
    def failed(self) -> dict[str, list[dict]]:
        return {
            key: [json.loads(line) for line in body.splitlines()]
            for key, body in self.objects.items()
            if key.startswith("failed/")
        }


class Clock:
    """A clock that only `wait` moves forward."""

    def __init__(self, *, stops_after: int = 1_000) -> None:
        self.now_s = 0.0
        self._stops_after = stops_after

    def wait(self, seconds: float) -> bool:
        self.now_s += seconds
        self._stops_after -= 1
        return self._stops_after <= 0


@pytest.fixture
def backup():
    return FakeBackup()


def delivery(raw_log: FakeRawLog, backup: FakeBackup, clock: Clock | None = None) -> Delivery:
    clock = clock or Clock()
    return Delivery(
        raw_log=raw_log,
        backup=backup,
        wait=clock.wait,
        monotonic_s=lambda: clock.now_s,
        now_utc=lambda: ARRIVED_AT,
        retry_s=10.0,
        waits_s=lambda: itertools.repeat(1.0),
    )


def test_an_aggregated_record_becomes_one_document_per_point_in_its_days_index():
    payloads = [b'{"truck_id":"T-1","seq":1}', b'{"truck_id":"T-1","seq":2}']

    good, failed = documents_of(record(aggregate("T-1", payloads)))

    assert [each.source for each in good] == payloads
    assert {each.index for each in good} == {INDEX}
    assert failed == []


def test_a_plain_record_is_one_document():
    good, _ = documents_of(record(b'{"seq":1}\n'))

    assert [each.source for each in good] == [b'{"seq":1}']


def test_a_document_on_several_lines_is_rewritten_to_one_line():
    (good,), _ = documents_of(record(b'{\r\n "seq": 1\n}'))

    assert good.source == b'{"seq":1}'


@pytest.mark.parametrize("payload", [b"", b"not json", b"[1]", b"5", b"\xff\xfe"])
def test_a_record_that_is_not_an_object_fails_and_the_others_do_not(payload):
    good, failed = documents_of(record(aggregate("T-1", [b"{}", payload, b"{}"])))

    assert len(good) == 2
    assert [each.source for each in failed] == [payload]


def test_the_buffer_waits_for_its_interval_from_the_first_record():
    buffer = Buffer(interval_s=5.0, size_bytes=1_000)

    assert not buffer.is_due(now_s=1e9)
    buffer.add([document(1)], [], shard_id="a", sequence_number="1", now_s=100.0)
    buffer.add([document(2)], [], shard_id="a", sequence_number="2", now_s=104.0)

    assert not buffer.is_due(now_s=104.9)
    assert buffer.is_due(now_s=105.0)


def test_the_buffer_is_due_at_once_when_it_is_full():
    buffer = Buffer(interval_s=5.0, size_bytes=len(document(1).source) * 2)

    buffer.add([document(1)], [], shard_id="a", sequence_number="1", now_s=0.0)
    assert not buffer.is_due(now_s=0.0)
    buffer.add([document(2)], [], shard_id="a", sequence_number="2", now_s=0.0)

    assert buffer.is_due(now_s=0.0)


def test_a_drained_batch_has_each_shards_last_position_and_empties_the_buffer():
    buffer = Buffer(interval_s=5.0, size_bytes=1_000)
    for shard, number in (("a", "1"), ("b", "9"), ("a", "2")):
        buffer.add([document(1)], [], shard_id=shard, sequence_number=number, now_s=0.0)

    batch = buffer.drain()

    assert batch.positions == {"a": "2", "b": "9"}
    assert len(batch.documents) == 3
    assert buffer.drain().positions == {}


def test_only_documents_that_were_not_accepted_are_sent_again(backup):
    raw_log = FakeRawLog([WriteResult.WRITTEN, WriteResult.RETRYABLE, WriteResult.WRITTEN])

    report = delivery(raw_log, backup).deliver(batch_of(1, 2, 3))

    assert raw_log.calls[1] == [document(2)]
    assert sorted(one.source for one in raw_log.accepted) == [document(n).source for n in (1, 2, 3)]
    assert (report.indexed, report.failed, report.attempts) == (3, 0, 2)


def test_documents_are_delivered_after_an_outage(backup):
    raw_log = FakeRawLog(*[StoreUnavailable("bulk", None, "refused")] * 3)

    report = delivery(raw_log, backup).deliver(batch_of(1, 2))

    assert report.indexed == 2
    assert backup.failed == {}


def test_a_faulty_document_goes_to_the_backup_at_once(backup):
    raw_log = FakeRawLog([WriteResult.WRITTEN, WriteResult.REJECTED])

    report = delivery(raw_log, backup).deliver(batch_of(1, 2))

    assert len(raw_log.calls) == 1
    assert report.failed == 1
    ((key, lines),) = backup.failed.items()
    assert key.startswith("failed/2026/11/24/23/")
    assert [line["errorMessage"] for line in lines] == ["rejected"]
    assert [line["esIndexName"] for line in lines] == [INDEX]
    assert [base64.b64decode(line["rawData"]) for line in lines] == [document(2).source]


def test_every_record_is_backed_up_once_whether_the_raw_log_accepts_it_or_not(backup):
    raw_log = FakeRawLog([WriteResult.WRITTEN, WriteResult.REJECTED, WriteResult.RETRYABLE])

    delivery(raw_log, backup).deliver(batch_of(1, 2, 3))

    assert backup.records == [document(n).source for n in (1, 2, 3)]
    (key,) = (key for key in backup.objects if key.startswith("points/"))
    assert arrived_at_ms(key) == int(ARRIVED_AT.timestamp() * 1000)


def test_documents_fail_when_an_outage_lasts_longer_than_the_retry_time(backup):
    raw_log = FakeRawLog(*[StoreUnavailable("bulk", 503, "full")] * 50)

    report = delivery(raw_log, backup).deliver(batch_of(1, 2))

    assert (report.indexed, report.failed, report.attempts) == (0, 2, 11)


def test_a_stop_during_an_outage_delivers_nothing_and_reports_it(backup):
    raw_log = FakeRawLog(*[StoreUnavailable("bulk", 503, "full")] * 50)

    with pytest.raises(DeliveryStoppedError):
        delivery(raw_log, backup, Clock(stops_after=2)).deliver(batch_of(1))

    assert backup.failed == {}


class FakeReader:
    """Returns all its records on the first read, and requests the process to stop."""

    def __init__(self, stop: threading.Event, *records: StreamRecord) -> None:
        self._stop = stop
        self._records = list(records)

    def read(self) -> list[StreamRecord]:
        self._stop.set()
        records, self._records = self._records, []
        return records


def pump(raw_log: FakeRawLog, backup: FakeBackup, path, clock: Clock | None = None) -> None:
    stop = threading.Event()
    reader: Any = FakeReader(stop, record(b"{}"))
    Firehose(
        reader,
        Buffer(interval_s=3600.0, size_bytes=1_000_000),
        delivery(raw_log, backup, clock),
        PositionFile(path, stream="arn 1"),
        Logger("firehose", io.StringIO()),
    ).run(stop)


def test_buffered_records_are_delivered_before_the_process_ends(backup, tmp_path):
    raw_log = FakeRawLog()

    pump(raw_log, backup, tmp_path / "position.json")

    assert [one.source for one in raw_log.accepted] == [b"{}"]
    assert PositionFile(tmp_path / "position.json", stream="arn 1").read() == {"shard-0": "7"}


def test_the_position_of_undelivered_records_is_not_written(backup, tmp_path):
    raw_log = FakeRawLog(StoreUnavailable("bulk", 503, "full"))

    with pytest.raises(DeliveryStoppedError):
        pump(raw_log, backup, tmp_path / "position.json", Clock(stops_after=1))

    assert PositionFile(tmp_path / "position.json", stream="arn 1").read() == {}


def test_positions_are_kept_across_restarts_but_not_for_another_stream(tmp_path):
    path = tmp_path / "run" / "position.json"
    PositionFile(path, stream="arn 1").write({"a": "1", "b": "2"})

    assert PositionFile(path, stream="arn 1").read() == {"a": "1", "b": "2"}
    assert PositionFile(path, stream="arn 2").read() == {}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"stream":"arn 1"}', '{"stream":1}'])
def test_a_damaged_position_file_is_treated_as_empty(tmp_path, content):
    path = tmp_path / "position.json"
    path.write_text(content)

    assert PositionFile(path, stream="arn 1").read() == {}
