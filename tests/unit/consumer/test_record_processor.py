from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from amazon_kclpy.kcl import CheckpointError, KCLProcess

from consumer.arrivals import StreamRecord
from consumer.errors import LeaseLost, RetriesExhausted
from consumer.pipeline import BatchReport
from consumer.record_processor import METRICS
from consumer.settling import SettleReport
from rtdts.tracking.stream_position import StreamPosition
from tests.support.consumer_world import SHARD, Shard, World, drive, point


class RecordingCheckpointer:
    """Stands for the KCL's checkpointer.

    Attributes:
        reported: What was checkpointed; (None, None) is the end of the shard.
        troubles: The KCL's exceptions, by name, that the next checkpoints raise.
    """

    def __init__(self) -> None:
        self.reported: list[tuple[str | None, int | None]] = []
        self.troubles: list[str] = []

    def checkpoint(
        self, sequence_number: str | None = None, sub_sequence_number: int | None = None
    ) -> None:
        if self.troubles:
            raise CheckpointError(self.troubles.pop(0))
        self.reported.append((sequence_number, sub_sequence_number))


class FailingPipeline:
    """A pipeline with a scripted behaviour."""

    def __init__(self, behave: Callable[[], None]) -> None:
        self.behave = behave
        self.batches: list[Sequence[StreamRecord]] = []

    def begin_after(self, position: StreamPosition | None) -> None:
        pass

    def settle(self, *, everything: bool = False) -> SettleReport | None:
        return None

    def process(self, records: Sequence[StreamRecord]) -> BatchReport:
        self.batches.append(records)
        self.behave()
        return BatchReport(records=len(records))


class Record:
    def __init__(self, of: StreamRecord) -> None:
        self.binary_data = of.data
        self.partition_key = of.partition_key
        self.sequence_number = of.sequence_number
        self.sub_sequence_number = of.sub_sequence_number
        self.timestamp_millis = of.arrived_at_ms


class Input:
    """Any of the KCL's inputs."""

    def __init__(
        self, checkpointer: RecordingCheckpointer, records: Sequence[StreamRecord] = ()
    ) -> None:
        self.checkpointer = checkpointer
        self.records = [Record(record) for record in records]
        self.millis_behind_latest = 0
        self.shard_id = SHARD
        self.sequence_number: str | None = "TRIM_HORIZON"
        self.sub_sequence_number: int | None = 0


@pytest.fixture
def checkpointer() -> RecordingCheckpointer:
    return RecordingCheckpointer()


def started(world: World, checkpointer: RecordingCheckpointer, pipeline: Any = None) -> Any:
    processor = world.processor(pipeline)
    processor.initialize(Input(checkpointer))
    return processor


def raising(error: BaseException) -> Callable[[], None]:
    def behave() -> None:
        raise error

    return behave


def kcl_lines(records: Sequence[StreamRecord]) -> str:
    """What the daemon writes to a child: initialize, then one batch."""
    wire = [
        {
            "action": "record",
            "data": base64.b64encode(record.data).decode(),
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence_number,
            "subSequenceNumber": record.sub_sequence_number,
            "approximateArrivalTimestamp": record.arrived_at_ms,
        }
        for record in records
    ]
    number = records[-1].sequence_number
    actions: list[dict[str, object]] = [
        {
            "action": "initialize",
            "shardId": SHARD,
            "sequenceNumber": "TRIM_HORIZON",
            "subSequenceNumber": 0,
        },
        {"action": "processRecords", "records": wire, "millisBehindLatest": 0},
        {
            "action": "checkpoint",
            "sequenceNumber": number,
            "subSequenceNumber": records[-1].sub_sequence_number,
        },
    ]
    return "".join(json.dumps(action) + "\n" for action in actions)


def run_under_kclpy(world: World, records: Sequence[StreamRecord], pipeline: Any) -> str:
    """What the child returns to the daemon."""
    output = io.StringIO()
    process = KCLProcess(
        world.processor(pipeline),
        input_file=io.StringIO(kcl_lines(records)),
        output_file=output,
        error_file=io.StringIO(),
    )
    try:
        process.run()
    except SystemExit as end:
        output.write(f"exit {end.code}")
    return output.getvalue()


def test_under_kclpy_a_batch_is_checkpointed_and_acknowledged(world: World) -> None:
    responses = run_under_kclpy(world, world.shard.records(drive()), None)

    assert '{"action": "checkpoint"' in responses
    assert '{"action": "status", "responseFor": "processRecords"}' in responses
    assert len(world.positions.history) == len(drive())


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), RetriesExhausted("write", 60.0), KeyError("x"), MemoryError()]
)
def test_under_kclpy_a_batch_that_fails_is_never_acknowledged(
    world: World, error: Exception
) -> None:
    responses = run_under_kclpy(
        world, world.shard.records(drive()), FailingPipeline(raising(error))
    )

    assert "processRecords" not in responses
    assert "checkpoint" not in responses
    assert responses.endswith("exit 1")


def test_only_durable_records_are_checkpointed(world: World) -> None:
    durable_at_checkpoint: list[bool] = []

    class Checkpointer(RecordingCheckpointer):
        def checkpoint(
            self, sequence_number: str | None = None, sub_sequence_number: int | None = None
        ) -> None:
            durable_at_checkpoint.append(
                len(world.positions.history) == len(drive()) and bool(world.positions.load(["T-1"]))
            )

    checkpointer = Checkpointer()
    processor = started(world, checkpointer)
    records = world.shard.records(drive())
    processor.process_records(Input(checkpointer, records))

    assert durable_at_checkpoint == [True]


def test_a_checkpoint_names_the_last_record_and_its_place_in_the_aggregate(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    records = world.shard.records([point(0, 0.0), point(1, 1.0)])

    started(world, checkpointer).process_records(Input(checkpointer, records))

    assert checkpointer.reported == [(records[-1].sequence_number, 1)]


def test_checkpoints_are_at_most_one_per_second_and_an_empty_batch_makes_the_pending_one(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    processor = started(world, checkpointer)
    batches = [world.shard.records([point(n, 0.0)]) for n in range(3)]

    for batch in batches:
        processor.process_records(Input(checkpointer, batch))
    checkpointed_within_a_second = len(checkpointer.reported)
    world.clock.advance(1)
    processor.process_records(Input(checkpointer))
    world.clock.advance(1)
    processor.process_records(Input(checkpointer))

    assert checkpointed_within_a_second == 1
    assert [number for number, _ in checkpointer.reported] == [
        batches[0][0].sequence_number,
        batches[2][0].sequence_number,
    ]


def test_shutdown_makes_the_checkpoint_that_was_not_yet_due(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    processor = started(world, checkpointer)
    for n in range(2):
        batch = world.shard.records([point(n, 0.0)])
        processor.process_records(Input(checkpointer, batch))

    processor.shutdown_requested(Input(checkpointer))

    assert checkpointer.reported[-1] == (batch[0].sequence_number, 0)


def test_a_throttled_checkpoint_is_retried_with_the_next_batch(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    processor = started(world, checkpointer)
    checkpointer.troubles = ["ThrottlingException"]
    batch = world.shard.records([point(0, 0.0)])
    processor.process_records(Input(checkpointer, batch))
    world.clock.advance(1)

    processor.process_records(Input(checkpointer))

    assert checkpointer.reported == [(batch[0].sequence_number, 0)]


def test_the_end_of_a_shard_is_reported_even_when_throttled(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    processor = started(world, checkpointer)
    checkpointer.troubles = ["ThrottlingException"] * 3

    processor.shard_ended(Input(checkpointer))

    assert checkpointer.reported == [(None, None)]


@pytest.mark.parametrize("troubles", [["ThrottlingException"] * 99, ["InvalidStateException"]])
def test_the_end_of_a_shard_that_cannot_be_reported_ends_the_process(
    world: World, checkpointer: RecordingCheckpointer, troubles: list[str]
) -> None:
    processor = started(world, checkpointer)
    checkpointer.troubles = troubles

    with pytest.raises(SystemExit) as end:
        processor.shard_ended(Input(checkpointer))

    assert end.value.code == 1


def test_after_a_state_conflict_no_batch_is_processed_or_checkpointed(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    pipeline = FailingPipeline(raising(LeaseLost("T-1", "another")))
    processor = started(world, checkpointer, pipeline)

    for n in range(3):
        processor.process_records(Input(checkpointer, world.shard.records([point(n, 0.0)])))
        world.clock.advance(5)
    processor.shutdown_requested(Input(checkpointer))

    assert len(pipeline.batches) == 1
    assert checkpointer.reported == []


def test_after_a_state_conflict_the_shard_end_is_not_checkpointed_and_ends_the_process(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    pipeline = FailingPipeline(raising(LeaseLost("T-1", "another")))
    processor = started(world, checkpointer, pipeline)
    processor.process_records(Input(checkpointer, world.shard.records([point(0, 0.0)])))

    with pytest.raises(SystemExit) as end:
        processor.shard_ended(Input(checkpointer))

    assert end.value.code == 1
    assert checkpointer.reported == []


def test_after_a_state_conflict_the_process_ends_when_the_lease_is_not_lost_within_30_s(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    pipeline = FailingPipeline(raising(LeaseLost("T-1", "another")))
    processor = started(world, checkpointer, pipeline)
    processor.process_records(Input(checkpointer, world.shard.records([point(0, 0.0)])))

    world.clock.advance(29)
    processor.process_records(Input(checkpointer))
    world.clock.advance(2)

    with pytest.raises(SystemExit):
        processor.process_records(Input(checkpointer))


def test_after_lease_lost_nothing_is_checkpointed(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    processor = started(world, checkpointer)
    processor.process_records(Input(checkpointer, world.shard.records([point(0, 0.0)])))
    processor.process_records(Input(checkpointer, world.shard.records([point(1, 0.0)])))

    processor.lease_lost(object())
    processor.shutdown_requested(Input(checkpointer))

    assert len(checkpointer.reported) == 1


def test_ready_is_reported_once_it_is_initialized(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    started(world, checkpointer)

    assert world.reported("record_processor_ready")[0]["shard_id"] == SHARD


def test_each_batch_logs_one_line(world: World, checkpointer: RecordingCheckpointer) -> None:
    processor = started(world, checkpointer)

    processor.process_records(Input(checkpointer, world.shard.records(drive())))

    (line,) = world.reported("batch")
    assert (line["points"], line["trucks"], line["shard_id"]) == (len(drive()), 1, SHARD)


def test_a_batchs_metrics_include_the_age_of_its_oldest_point_when_it_becomes_visible(
    world: World, checkpointer: RecordingCheckpointer
) -> None:
    processor = started(world, checkpointer)
    records = Shard().records([point(0, 0.0)], [point(2, 20.0)])
    world.clock.advance(2.5)

    processor.process_records(Input(checkpointer, records))

    measured = json.loads(world.measured.getvalue())
    assert {name for name in measured if name != "_aws"} - {"component"} == {
        metric.name for metric in METRICS
    }
    assert measured["Points"] == 2
    assert measured["PointAge"] == world.clock.now_ms() - records[0].arrived_at_ms
