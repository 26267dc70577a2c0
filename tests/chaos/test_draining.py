"""SIGTERM under load: work in progress is completed, and nothing is done twice.

No part is killed: each ends by itself, and logs that it has drained. How long it took is printed,
but not asserted, because it depends on the machine.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.instants import parse_instant
from sim.drive.simulated_truck import System
from sim.environment import Environment
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.chaos.conftest import PrintLine
from tests.support.checkpoints import applied, checkpoints
from tests.support.deliveries import event_of, new_delivery
from tests.support.delivery_log import delivery_store
from tests.support.parts import held_down, reported
from tests.support.stream_load import StreamLoad, assert_load_is_stored
from tests.support.viewer_client import Viewer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

SHARDS = 2
DRAINED_WITHIN_S = 900.0
"""The KCL's grace period is short, 2.5 s here: on a slow machine many batches take longer."""
ENDED_BY_SIGTERM = "exit code 143"
"""The exit code of a JVM that ended in order, including the KCL's shutdown hook."""
TRACKED = 40


async def test_a_consumer_that_is_stopped_checkpoints_everything_durable(
    local_cloud: LaunchedCloud, system: System, print_line: PrintLine
) -> None:
    """A batch that takes longer than the KCL's grace period is repeated, and so is the drain."""
    with StreamLoad(system.environment, trucks=20, points_s=200) as load:
        eventually(
            lambda: len(drain_consumer(local_cloud, load, print_line)) == SHARDS, DRAINED_WITHIN_S
        )

    await assert_load_is_stored(system, load)


def drain_consumer(cloud: LaunchedCloud, load: StreamLoad, print_line: PrintLine) -> set[str]:
    """Drains and restarts it once; returns the shards whose child completed its batch in time."""
    by_shard(cloud, "batch", now_ms())
    signalled_ms, signalled_s = now_ms(), time.monotonic()
    with held_down(cloud, "consumer") as ending:
        took_s = time.monotonic() - signalled_s
        ended = reported(cloud, "consumer", "shutdown_requested", since_ms=signalled_ms)
        drained = {line["shard_id"] for line in ended if line["checkpointed"]}
        known = checkpoints(cloud.environment)
        durable = applied(cloud.environment, load.points)
        back_ms = now_ms()
    print_line(
        f"the consumer ended {took_s:.1f} s after SIGTERM; drained {len(drained)} of {SHARDS}"
    )
    ready = by_shard(cloud, "record_processor_ready", back_ms)
    first = by_shard(cloud, "batch", back_ms)

    assert ending == ENDED_BY_SIGTERM
    assert set(known) == set(durable)
    assert all(known[shard_id] <= durable[shard_id] for shard_id in durable)
    for shard_id in drained:
        assert known[shard_id] == durable[shard_id]
        assert int(ready[shard_id]["from_sequence_number"]) == durable[shard_id].sequence_number
        assert (first[shard_id]["skipped"], first[shard_id]["duplicates"]) == (0, 0)
    return drained


def by_shard(cloud: LaunchedCloud, event: str, since_ms: int) -> dict[str, dict[str, Any]]:
    """Waits for the event of each shard; the first line of each."""

    def look() -> dict[str, dict[str, Any]] | None:
        lines = reported(cloud, "consumer", event, since_ms=since_ms)
        found = {line["shard_id"]: line for line in reversed(lines)}
        return found if len(found) == SHARDS else None

    return eventually(look)


class Queue:
    """The queue of nudges, as SQS reports it."""

    def __init__(self, environment: Environment) -> None:
        self._url = environment.nudge_queue_url
        self._sqs = boto3.client(
            "sqs",
            endpoint_url=environment.aws_endpoint_url,
            region_name=environment.region,
            aws_access_key_id=environment.access_key_id,
            aws_secret_access_key=environment.secret_access_key,
        )

    def report_creation(self, delivery_ids: Sequence[str]) -> None:
        NudgeQueue(self._sqs, self._url).send_many(
            TransitionNudge(delivery_id=delivery_id, version=1) for delivery_id in delivery_ids
        )

    def waiting(self) -> int:
        return self._count("ApproximateNumberOfMessages")

    def in_flight(self) -> int:
        return self._count("ApproximateNumberOfMessagesNotVisible")

    def _count(self, name: Any) -> int:
        response = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(response["Attributes"][name])


class Watched:
    """Deliveries whose trucks stand still, and a dispatcher that tracks them all on one socket."""

    def __init__(self, viewer: Viewer, delivery_ids: list[str]) -> None:
        self.viewer = viewer
        self.delivery_ids = delivery_ids

    def wait_for_all(self, kind: str, messages: int, *, after_ms: int) -> Counter[str]:
        """Waits for that many messages of this kind; returns their number per delivery."""
        eventually(lambda: self._count(kind, after_ms).total() >= messages)
        return self._count(kind, after_ms)

    def _count(self, kind: str, after_ms: int) -> Counter[str]:
        self.viewer.receive_pending()
        return Counter(
            message["delivery_id"]
            for message in self.viewer.messages
            if message["type"] == kind and parse_instant(message["sent_at"]) >= after_ms
        )

    def wait_for(self, kind: str, *, after_ms: int) -> None:
        """Waits for the first message of this kind."""
        self.viewer.wait_for(
            lambda message: (
                message["type"] == kind and parse_instant(message["sent_at"]) >= after_ms
            ),
        )


@contextmanager
def watched(cloud: LaunchedCloud) -> Iterator[Watched]:
    environment = cloud.environment
    store, run = delivery_store(environment), uuid.uuid4().hex[:8]
    made = [
        new_delivery(delivery_id=f"D-{run}-{n}", truck_id=f"T-{run}-{n}") for n in range(TRACKED)
    ]
    for delivery in made:
        store.append(None, delivery, [event_of(delivery)], matches=True)
    token = TokenClient.of(environment).token("dispatcher", "ann")
    with Viewer(environment.websocket_url, token=token) as viewer:
        for delivery in made:
            viewer.track(delivery.delivery_id)
            viewer.wait_for_type("snapshot", delivery_id=delivery.delivery_id)
        yield Watched(viewer, [delivery.delivery_id for delivery in made])


@contextmanager
def stopped_broadcaster(cloud: LaunchedCloud, print_line: PrintLine) -> Iterator[dict[str, Any]]:
    """Ends the broadcaster by SIGTERM; none runs in the block."""
    signalled_ms, signalled_s = now_ms(), time.monotonic()
    with held_down(cloud, "broadcaster") as ending:
        took_s = time.monotonic() - signalled_s
        (stopped,) = reported(cloud, "broadcaster", "broadcaster_stopped", since_ms=signalled_ms)
        print_line(f"the broadcaster ended {took_s:.1f} s after SIGTERM")

        assert stopped["in_time"]
        assert ending == "exit code 0"
        yield stopped


def test_a_broadcaster_that_is_stopped_during_a_round_completes_it(
    local_cloud: LaunchedCloud, print_line: PrintLine
) -> None:
    with watched(local_cloud) as those:
        quiet_ms = now_ms()
        eventually(lambda: reported(local_cloud, "broadcaster", "round_done", since_ms=quiet_ms))
        begins_ms = now_ms()
        those.wait_for("position", after_ms=begins_ms)
        with stopped_broadcaster(local_cloud, print_line) as stopped:
            received = those.wait_for_all("position", TRACKED, after_ms=begins_ms)
    (report,) = [
        line
        for line in reported(local_cloud, "broadcaster", "round_done", since_ms=begins_ms)
        if line["at_ms"] <= stopped["at_ms"]
    ]

    assert received == dict.fromkeys(those.delivery_ids, 1)
    assert (report["unread"], report["failed"], report["right_too_old"]) == (0, 0, 0)


def test_a_broadcaster_that_is_stopped_leaves_unprocessed_nudges_to_the_next_one(
    local_cloud: LaunchedCloud, print_line: PrintLine
) -> None:
    queue = Queue(local_cloud.environment)
    with watched(local_cloud) as those:
        before, after = those.delivery_ids[: TRACKED // 2], those.delivery_ids[TRACKED // 2 :]
        begins_ms = now_ms()
        queue.report_creation(before)
        those.wait_for("status", after_ms=begins_ms)
        with stopped_broadcaster(local_cloud, print_line):
            assert queue.in_flight() == 0, "every nudge that it received must be processed"
            queue.report_creation(after)
            left = queue.waiting()
            # A viewer that was not reached is retried later; one that ends leaves it to the round.
            missed = {
                line["delivery_id"]
                for line in reported(local_cloud, "broadcaster", "viewers_not_reached",
                                 since_ms=begins_ms)
            }  # fmt: skip
            done = those.wait_for_all("status", TRACKED - left - len(missed), after_ms=begins_ms)
        print_line(f"{TRACKED - left} nudges were done, {left} left")
        received = those.wait_for_all("status", TRACKED - len(missed), after_ms=begins_ms)
        eventually(lambda: queue.waiting() == queue.in_flight() == 0)

    assert left >= len(after)
    assert len(done) == TRACKED - left - len(missed), "a processed nudge must not be left"
    assert set(received) | missed == set(those.delivery_ids)
