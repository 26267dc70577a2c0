"""Batches that Lambda gave up, from the bucket back into the device stream."""

from __future__ import annotations

import json

import pytest

from operations.console import Console
from operations.replay_set_aside import CALL_BYTES, CALL_RECORDS, SetAsideReplay, replay_set_aside
from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.device_stream import DeviceStream
from rtdts.telemetry_stream.set_aside import SetAsideBatches
from tests.fakes.fake_bucket import FakeVersionedBucket
from tests.fakes.fake_stream import FailSome, FakeStream
from tests.support.operations_world import quick
from tests.support.set_aside_batches import SET_ASIDE_KEY, device_message, invocation


class World:
    """The bucket, the device stream, and the printed lines."""

    def __init__(self, *troubles: FailSome | None) -> None:
        self.bucket = FakeVersionedBucket()
        self.stream = FakeStream(troubles)
        self.lines: list[str] = []

    def set_aside(self, name: str, body: bytes) -> None:
        self.bucket.put_object(Key=SET_ASIDE_KEY + name, Body=body)

    def replay(self, *, dry_run: bool = False) -> SetAsideReplay:
        return replay_set_aside(
            SetAsideBatches(BucketObjects(self.bucket, "parked")),
            DeviceStream(self.stream, "device-messages"),
            quick(),
            dry_run=dry_run,
            console=Console(self.lines.append),
        )

    @property
    def streamed(self) -> list[bytes]:
        return [one.data for one in self.stream.records]


@pytest.mark.parametrize("as_text", [True, False])
def test_messages_are_replayed_unchanged_and_their_objects_are_deleted(as_text: bool) -> None:
    world = World()
    messages = [device_message(f"T-{n}", b"\x00 %d" % n) for n in range(5)]
    world.set_aside("1", invocation(*messages[:3], as_text=as_text))
    world.set_aside("2", invocation(*messages[3:], as_text=as_text))
    world.bucket.put_object(Key="rejected/other", Body=b"stays")
    report = world.replay()

    assert world.streamed == messages
    assert {one.partition_key for one in world.stream.records} == {"k"}
    assert (report.objects, report.replayed) == (2, 5)
    assert list(world.bucket.objects) == ["rejected/other"]


def test_a_dry_run_lists_what_there_is_and_changes_nothing() -> None:
    world = World()
    world.set_aside("1", invocation(device_message("T-1"), device_message("T-1")))
    report = world.replay(dry_run=True)

    assert (report.objects, report.replayed, world.streamed) == (1, 2, [])
    assert len(world.bucket.objects) == 1
    (line,) = world.lines
    assert line.startswith(f"{SET_ASIDE_KEY}1: 2 messages of 1 trucks, set aside 2026-11-24T12:00")


def test_a_batch_that_is_not_completely_accepted_stays_and_ends_the_replay() -> None:
    world = World(None, FailSome([1]))
    for name in "123":
        world.set_aside(name, invocation(device_message(f"a{name}"), device_message(f"b{name}")))
    report = world.replay()

    assert (report.objects, report.replayed, report.failed.total()) == (1, 2, 1)
    assert [key[-1] for key in world.bucket.objects] == ["2", "3"]

    again = world.replay()

    assert (again.objects, again.replayed) == (2, 4)
    assert not world.bucket.objects
    assert set(world.streamed) == {device_message(f"{one}{n}") for one in "ab" for n in "123"}


@pytest.mark.parametrize("body", [b"{", json.dumps({"KinesisBatchInfo": {}}).encode()])
def test_an_unreadable_batch_stays_is_named_and_delays_no_other(body: bytes) -> None:
    world = World()
    world.set_aside("1", body)
    world.set_aside("2", invocation(device_message("T-1")))
    report = world.replay()

    assert (report.objects, report.kept) == (1, 1)
    assert list(world.bucket.objects) == [f"{SET_ASIDE_KEY}1"]
    assert world.lines[0].startswith(f"stays: {SET_ASIDE_KEY}1: ")


@pytest.mark.parametrize(
    ("messages", "max_calls"),
    [
        ([device_message(f"T-{n}") for n in range(CALL_RECORDS * 2 + 1)], 3),
        ([device_message("T-1", b"x" * 120_000)] * 20, 20),
    ],
    ids=["many", "large"],
)
def test_a_call_stays_within_the_limits_of_a_shard_per_second(
    messages: list[bytes], max_calls: int
) -> None:
    world = World()
    world.set_aside("1", invocation(*messages))
    world.replay()

    assert world.streamed == messages
    assert 1 < len(world.stream.calls) <= max_calls
    for call in world.stream.calls:
        assert len(call) <= CALL_RECORDS
        assert sum(len(one["Data"]) for one in call) <= CALL_BYTES
