from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from operations.errors import UnfinishedError
from operations.replay_backup import (
    BackupReplay,
    IntoRawLog,
    IntoStream,
    ReplayTarget,
    Span,
    replay_backup,
)
from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.errors import StoreUnavailable
from rtdts.tracking.stream_codec import encode_point
from sim.local_cloud.firehose_objects import join_records, object_name
from tests.fakes.fake_raw_log import FakeRawLog
from tests.fakes.fake_stream import THROTTLED, FailSome, FakeStream
from tests.support.consumer_world import START_MS, point
from tests.support.operations_world import World, quick

START = datetime.fromtimestamp(START_MS / 1000, UTC)
INDEX = f"truck-raw-{START:%Y-%m-%d}"
HOUR_MS = 3_600_000


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def raw_log() -> FakeRawLog:
    return FakeRawLog()


def data(truck_id: str, second: int) -> bytes:
    return encode_point(point(second, 0.0, truck_id=truck_id))


def keep(world: World, hour: int, *records: bytes) -> str:
    key = object_name("points/", "raw-log", START + timedelta(hours=hour), f"uuid{hour}")
    world.backup_bucket.put_object(Key=key, Body=join_records(records))
    return key


def into_stream(world: World) -> IntoStream:
    return IntoStream(world.replayer, console=world.console, now_ms=lambda: START_MS)


def into_raw(world: World, raw_log: FakeRawLog, *, attempts: int = 3) -> IntoRawLog:
    def waits_s() -> Iterator[float]:
        yield from [0.0] * (attempts - 1)

    return IntoRawLog(
        raw_log, quick(), waits_s=waits_s, sleep=lambda _: None, console=world.console
    )


def replay(
    world: World,
    target: ReplayTarget,
    *,
    folder: str = "points/",
    hours: tuple[int, int] = (0, 99),
    after: str = "",
    dry_run: bool = False,
) -> BackupReplay:
    from_hour, to_hour = hours
    span = Span(
        folder=folder,
        from_ms=START_MS + from_hour * HOUR_MS,
        to_ms=START_MS + to_hour * HOUR_MS,
        after=after,
    )
    return replay_backup(world.backup, target, span, dry_run=dry_run, console=world.console)


def test_points_of_a_time_span_are_replayed_into_the_stream_grouped_by_truck(world: World) -> None:
    keep(world, 0, data("T-0", 0))
    keep(world, 1, data("T-1", 7), data("T-2", 2), data("T-1", 3))
    keep(world, 2, data("T-9", 9))

    report = replay(world, into_stream(world), hours=(1, 2))

    assert world.streamed == [
        ("T-1", data("T-1", 3)),
        ("T-1", data("T-1", 7)),
        ("T-2", data("T-2", 2)),
    ]
    assert (report.objects, report.replayed, report.rejected) == (1, 3, 0)


def test_records_that_the_consumer_would_reject_are_left_out(world: World) -> None:
    keep(world, 0, b"no json", b'{"truck_id":"T-1"}', data("T-1", 1))

    report = replay(world, into_stream(world))

    assert world.streamed == [("T-1", data("T-1", 1))]
    assert (report.replayed, report.rejected) == (1, 2)


def test_each_record_is_replayed_into_the_raw_index_of_the_day_of_its_arrival(
    world: World, raw_log: FakeRawLog
) -> None:
    foreign = b'{"not": "a point"}'
    keep(world, 0, data("T-1", 1), foreign, data("T-1", 86_400), b"no json")

    report = replay(world, into_raw(world, raw_log))

    tomorrow = START + timedelta(days=1)
    assert [(one.index, one.source) for one in raw_log.accepted] == [
        (INDEX, data("T-1", 1)),
        (INDEX, foreign),
        (f"truck-raw-{tomorrow:%Y-%m-%d}", data("T-1", 86_400)),
    ]
    assert (report.replayed, report.rejected) == (3, 1)


def test_a_failed_document_is_replayed_into_the_index_that_firehose_named(
    world: World, raw_log: FakeRawLog
) -> None:
    failed = {
        "attemptsMade": 8,
        "errorCode": "429",
        "errorMessage": "es_rejected_execution_exception",
        "esIndexName": "truck-raw-2026-11-24",
        "rawData": base64.b64encode(data("T-1", 1)).decode(),
    }
    key = object_name("failed/", "raw-log", START, "uuid")
    world.backup_bucket.put_object(Key=key, Body=gzip.compress(json.dumps(failed).encode() + b"\n"))
    keep(world, 0, data("T-2", 2))

    replay(world, into_raw(world, raw_log), folder="failed/")

    assert [(one.index, one.source) for one in raw_log.accepted] == [
        ("truck-raw-2026-11-24", data("T-1", 1))
    ]


def test_only_records_that_the_raw_log_did_not_accept_are_retried(
    world: World,
) -> None:
    raw_log = FakeRawLog(
        StoreUnavailable("bulk", 503, "unavailable"),
        [WriteResult.WRITTEN, WriteResult.RETRYABLE, WriteResult.REJECTED],
    )
    keep(world, 0, *(data("T-1", second) for second in range(3)))

    report = replay(world, into_raw(world, raw_log))

    assert [one.source for one in raw_log.accepted] == [data("T-1", 0), data("T-1", 1)]
    assert (report.replayed, report.rejected) == (2, 1)


def test_a_failed_replay_reports_where_to_resume_and_loses_nothing(
    world: World,
) -> None:
    raw_log = FakeRawLog([WriteResult.WRITTEN], *[StoreUnavailable("bulk", 503, "unavailable")] * 3)
    first = keep(world, 0, data("T-1", 1))
    second = keep(world, 1, data("T-1", 2))
    keep(world, 2, data("T-1", 3))

    with pytest.raises(UnfinishedError, match="unavailable") as reported:
        replay(world, into_raw(world, raw_log))
    replay(world, into_raw(world, raw_log), after=first)

    assert second in str(reported.value)
    assert f"continue with --after {first}" in str(reported.value)
    assert [one.source for one in raw_log.accepted] == [data("T-1", n) for n in (1, 2, 3)]


def test_a_replay_stops_when_the_stream_does_not_accept_all_points(world: World) -> None:
    world.stream = FakeStream(then=FailSome([0]))
    key = keep(world, 0, data("T-1", 1))

    with pytest.raises(UnfinishedError, match=THROTTLED) as reported:
        replay(world, into_stream(world))

    assert key in str(reported.value)


def test_a_replay_stops_at_a_broken_object_and_names_it(world: World, raw_log: FakeRawLog) -> None:
    key = keep(world, 0, data("T-1", 1))
    world.backup_bucket.put_object(Key=key, Body=b"\x1f\x8bspoilt")

    with pytest.raises(UnfinishedError, match="can't be unpacked") as reported:
        replay(world, into_raw(world, raw_log))

    assert key in str(reported.value)


def test_a_dry_run_counts_and_puts_nothing(world: World, raw_log: FakeRawLog) -> None:
    keep(world, 0, data("T-1", 1), b"no json")

    for target in (into_raw(world, raw_log), into_stream(world)):
        report = replay(world, target, dry_run=True)

        assert (report.replayed, report.rejected) == (1, 1)
    assert raw_log.accepted == []
    assert world.streamed == []
