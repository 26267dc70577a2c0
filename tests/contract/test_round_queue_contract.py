"""What both `RoundQueue` and its fake promise."""

from __future__ import annotations

import io
import itertools
import json

import boto3
import pytest

from deploy.queues import ROUNDS
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.round_queue import RoundQueue
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.tracking.delivery_buckets import BUCKETS
from sim.local_cloud.resources import CreatedResources
from tests.fakes.fake_clock import FakeClock
from tests.fakes.fake_round_queue import FakeRoundQueue

Queue = RoundQueue | FakeRoundQueue

_rounds = itertools.count(1)


@pytest.fixture
def due_at_ms() -> int:
    """A round that no other test uses."""
    return next(_rounds) * 60_000


@pytest.fixture
def sqs_queue_url(aws_resources: CreatedResources) -> str:
    return aws_resources.queue_urls["rounds"]


@pytest.fixture
def clock() -> FakeClock:
    """The fake's; SQS has its own."""
    return FakeClock(wall_clock.now_ms())


@pytest.fixture(params=["fake", "sqs"])
def queue(request: pytest.FixtureRequest, clock: FakeClock) -> Queue:
    if request.param == "fake":
        return FakeRoundQueue(clock.now_ms)
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("sqs", endpoint_url=request.getfixturevalue("aws_endpoint"))
    return RoundQueue(client, request.getfixturevalue("sqs_queue_url"))


def round_of(due_at_ms: int, *buckets: int) -> list[DueBucket]:
    return [DueBucket(bucket=bucket, due_at_ms=due_at_ms) for bucket in buckets]


def drained(queue: Queue) -> list[DueBucket]:
    found: list[DueBucket] = []
    while received := queue.receive(wait_s=0):
        found += [one.message for one in received]
        assert not queue.delete(received)
    return found


def test_each_bucket_of_a_round_is_received_once_however_often_it_was_sent(
    queue: Queue, due_at_ms: int
) -> None:
    due = round_of(due_at_ms, *range(BUCKETS))
    another_s = round_of(due_at_ms, *range(100, BUCKETS), *range(100))
    queue.send_many(due)
    queue.send_many(another_s)

    found = drained(queue)
    assert sorted(found, key=lambda one: one.bucket) == due
    queue.send_many(another_s)
    assert drained(queue) == []


def test_a_bucket_is_not_deduplicated_across_rounds(queue: Queue, due_at_ms: int) -> None:
    later = due_at_ms + 30_000
    queue.send_many(round_of(due_at_ms, 5))
    queue.send_many(round_of(later, 5))

    assert drained(queue) == [*round_of(due_at_ms, 5), *round_of(later, 5)]


def test_a_bucket_in_progress_delays_its_own_next_round_but_no_other_bucket(
    queue: Queue, due_at_ms: int
) -> None:
    queue.send_many(round_of(due_at_ms, 1))
    held = queue.receive(wait_s=0)
    queue.send_many(round_of(due_at_ms + 30_000, 1, 2))
    meanwhile = queue.receive(wait_s=0)
    queue.delete(held)
    afterwards = queue.receive(wait_s=0)

    assert [one.message for one in meanwhile] == round_of(due_at_ms + 30_000, 2)
    assert [one.message for one in afterwards] == round_of(due_at_ms + 30_000, 1)
    queue.delete([*meanwhile, *afterwards])


def test_a_bucket_is_received_with_the_time_at_which_it_was_sent(
    queue: Queue, clock: FakeClock, due_at_ms: int
) -> None:
    before_ms = min(clock.now_ms(), wall_clock.now_ms())
    queue.send_many(round_of(due_at_ms, 9))
    (received,) = queue.receive(wait_s=0)
    queue.delete([received])

    assert before_ms <= received.sent_at_ms <= wall_clock.now_ms()


def test_a_released_bucket_can_be_received_again_at_once(queue: Queue, due_at_ms: int) -> None:
    queue.send_many(round_of(due_at_ms, 1, 2, 3))
    first = queue.receive(wait_s=0)
    assert queue.receive(wait_s=0) == []

    assert not queue.release(first)
    again = queue.receive(wait_s=0)
    assert {one.message.bucket for one in again} == {1, 2, 3}
    assert not {one.receipt_handle for one in again} & {one.receipt_handle for one in first}
    queue.delete(again)


def test_a_bucket_that_is_neither_extended_nor_deleted_is_received_again(
    queue: Queue, clock: FakeClock, due_at_ms: int
) -> None:
    queue.send_many(round_of(due_at_ms, 1, 2))
    received = queue.receive(wait_s=0)
    kept, lost = received
    clock.advance(ROUNDS.visibility_timeout_s - 3)
    if isinstance(queue, FakeRoundQueue):
        assert not queue.extend([kept])
        clock.advance(3)
    else:
        assert queue.receive(wait_s=ROUNDS.visibility_timeout_s - 3) == []
        assert not queue.extend([kept])
    again = queue.receive(wait_s=ROUNDS.visibility_timeout_s)

    assert [one.message for one in again] == [lost.message]
    assert again[0].receipt_handle != lost.receipt_handle
    assert not queue.delete([*again, kept])
    assert drained(queue) == []


def test_an_unreadable_bucket_is_deleted_and_logged_and_delays_no_other(
    aws_endpoint: str, aws_session: boto3.Session, sqs_queue_url: str, due_at_ms: int
) -> None:
    client = aws_session.client("sqs", endpoint_url=aws_endpoint)
    log = io.StringIO()
    queue = RoundQueue(client, sqs_queue_url, log=Logger("test", log))
    bodies = ("not JSON", '{"bucket":256,"due_at_ms":1}', '{"bucket":1}')
    for number, body in enumerate(bodies):
        client.send_message(
            QueueUrl=sqs_queue_url,
            MessageBody=body,
            MessageGroupId="7",
            MessageDeduplicationId=f"{due_at_ms}-{number}",
        )
    queue.send_many(round_of(due_at_ms, 7))

    assert drained(queue) == round_of(due_at_ms, 7)
    events = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["malformed_due_bucket"] * len(bodies)
    assert {event["level"] for event in events} == {"error"}
