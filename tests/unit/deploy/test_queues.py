from __future__ import annotations

import json

from deploy.queues import NUDGES, QUEUES, ROUNDS


def test_every_queue_is_fifo_and_so_are_dead_letters() -> None:
    for queue in QUEUES:
        assert queue.queue_suffix.endswith(".fifo")
        assert queue.dead_letter_suffix.endswith(".fifo")
        assert queue.attributes("arn:dead")["FifoQueue"] == "true"
        assert queue.dead_letter_attributes()["FifoQueue"] == "true"


def test_only_the_queue_of_rounds_has_no_dead_letter_queue() -> None:
    assert [queue for queue in QUEUES if not queue.has_dead_letters] == [ROUNDS]
    assert "RedrivePolicy" not in ROUNDS.attributes(None)


def test_another_broadcaster_gets_the_bucket_of_a_dead_one_within_ten_seconds() -> None:
    assert ROUNDS.attributes(None)["VisibilityTimeout"] == "10"


def test_a_bucket_that_was_not_received_outlives_its_round_and_can_be_counted() -> None:
    assert ROUNDS.retention_s > 60


def test_a_nudge_that_cannot_be_handled_becomes_a_dead_letter() -> None:
    policy = json.loads(NUDGES.attributes("arn:dead")["RedrivePolicy"])

    assert policy == {"deadLetterTargetArn": "arn:dead", "maxReceiveCount": 5}


def test_another_broadcaster_gets_the_nudge_of_a_dead_one_within_five_seconds() -> None:
    assert NUDGES.attributes("arn:dead")["VisibilityTimeout"] == "5"


def test_dead_letters_are_kept_longer_than_the_messages_of_their_queue() -> None:
    # A message keeps the age at which it was first sent.
    for queue in QUEUES:
        assert queue.dead_letter_retention_s > queue.retention_s
