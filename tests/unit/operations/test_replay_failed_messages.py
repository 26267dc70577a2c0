"""Messages that a rule could not write, from the error action's queue into the device stream."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from operations.console import Console
from operations.replay_failed_messages import (
    FailedMessageStores,
    MessageReplay,
    replay_failed_messages,
)
from rtdts.ingest.device_messages import DeviceMessage, decode_message
from rtdts.telemetry_stream.device_stream import DeviceStream
from rtdts.telemetry_stream.failed_messages import FailedMessage
from tests.fakes.fake_failed_messages import FakeFailedMessages
from tests.fakes.fake_stream import THROTTLED, FailSome, FakeStream, LoseResponse, rejected
from tests.support.operations_world import quick

SENT_AT_MS = 1_795_503_168_120
DOCUMENTED = json.loads(
    """
{
    "ruleName": "TestAction",
    "topic": "testme/action",
    "cloudwatchTraceId": "7e146a2c-95b5-6caf-98b9-50e3969734c7",
    "clientId": "iotconsole-1511213971966-0",
    "base64OriginalPayload": "ewogICJtZXNzYWdlIjogIkhlbGxvIHZyb20gQVdTIElvVCBjb25zb2xlIgp9",
    "failures": [
        {
            "failedAction": "S3Action",
            "failedResource": "us-east-1-s3-verify-user",
            "errorMessage": "Failed to put S3 object."
        }
    ]
}
"""
)
"""The example of "Error action message format", AWS IoT Core Developer Guide:
https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html."""


def document(truck_id: str, payload: bytes, *, prefix: str = "", **more: Any) -> str:
    return json.dumps(
        DOCUMENTED
        | {
            "topic": f"{prefix}trucks/{truck_id}/telemetry",
            "base64OriginalPayload": base64.b64encode(payload).decode(),
        }
        | more
    )


class World:
    """The queue, the device stream, and the printed lines."""

    def __init__(self, stream: FakeStream | None = None) -> None:
        self.failed = FakeFailedMessages()
        self.stream = stream or FakeStream()
        self.lines: list[str] = []

    def send(self, body: str) -> None:
        self.failed.send(body, sent_at_ms=SENT_AT_MS)

    def replay(self) -> MessageReplay:
        stores = FailedMessageStores(
            queue=self.failed, stream=DeviceStream(self.stream, "device-messages")
        )
        return replay_failed_messages(stores, quick(), Console(self.lines.append))

    @property
    def streamed(self) -> list[tuple[str, DeviceMessage]]:
        return [(one.partition_key, decode_message(one.data)) for one in self.stream.records]


@pytest.mark.parametrize("prefix", ["", "$aws/rules/rtdts_dev_telemetry/"])
@pytest.mark.parametrize("payload", [b'{"truck_id":"T-1"}', b"\x00\xff no text", b""])
def test_a_replayed_message_is_the_one_that_the_rule_would_have_written(
    prefix: str, payload: bytes
) -> None:
    world = World()
    world.send(document("T-1", payload, prefix=prefix))
    report = world.replay()

    expected = DeviceMessage(truck_id="T-1", received_at_ms=SENT_AT_MS, payload=payload)
    assert world.streamed == [("T-1", expected)]
    assert (report.replayed, report.kept, world.failed.messages) == (1, 0, [])


def test_all_messages_in_the_queue_are_replayed() -> None:
    world = World()
    for number in range(35):
        world.send(document(f"T-{number}", b"{}"))

    assert world.replay().replayed == 35
    assert len(world.streamed) == 35
    assert world.failed.messages == []


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(DOCUMENTED),
        "no json",
        "{}",
        document("T-1/x", b"{}"),
        document("a b", b"{}"),
        document("T-1", b"{}", prefix="$aws/rules/"),
        document("T-1", b"{}", prefix="x/"),
        document("T-1", b"{}", base64OriginalPayload="*"),
    ],
)
def test_an_unusable_message_stays_in_the_queue_and_delays_no_other(body: str) -> None:
    world = World()
    world.send(body)
    for number in range(12):
        world.send(document(f"T-{number}", b"{}"))
    report = world.replay()

    assert (report.replayed, report.kept) == (12, 1)
    assert [one.body for one in world.failed.messages] == [body]
    assert "stays" in world.lines[0]


def test_a_message_that_the_stream_rejects_stays_until_it_accepts_it() -> None:
    world = World(FakeStream([FailSome([1])]))
    for number in range(3):
        world.send(document(f"T-{number}", b"{}"))
    report = world.replay()

    assert (report.replayed, report.failed) == (2, {THROTTLED: 1})
    assert len(world.failed.messages) == 1

    world.failed.show_all()

    assert world.replay().replayed == 1
    assert sorted(key for key, _ in world.streamed) == ["T-0", "T-1", "T-2"]


def test_a_message_may_be_duplicated_but_is_never_lost_after_a_lost_response() -> None:
    world = World(FakeStream([LoseResponse({})]))
    world.send(document("T-1", b"{}"))

    assert world.replay().failed == {"UnreadableResponse": 1}

    world.failed.show_all()
    world.replay()

    assert [key for key, _ in world.streamed] == ["T-1", "T-1"]
    assert world.failed.messages == []


def test_a_message_that_was_not_put_before_a_crash_stays_in_the_queue() -> None:
    world = World(FakeStream([rejected("InternalFailure", 500)]))
    world.send(document("T-1", b"{}"))
    with pytest.raises(Exception, match="InternalFailure"):
        world.replay()

    assert len(world.failed.messages) == 1


def test_a_message_that_stays_is_counted_once_even_if_it_is_received_again() -> None:
    class ReceivedAgain(FakeFailedMessages):
        def receive(self) -> list[FailedMessage]:
            self.show_all()
            return super().receive()

    world = World()
    world.failed = ReceivedAgain()
    world.send("no json")

    assert world.replay().kept == 1
