"""The daemon's side of the MultiLang protocol, for one real record processor."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from consumer.arrivals import StreamRecord
from sim.local_cloud.engines import plain_environment
from tests.support.source_tree import ROOT

Checkpoint = tuple[str | None, int | None]
"""Sequence number and sub-sequence number; (None, None) is the end of the shard."""


class ChildEndedError(Exception):
    """The process ended instead of responding.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the child ended with {code}")
        self.code = code


class KclChild:
    """`python -m consumer` as the daemon would run it; the methods wait for its response.

    Attributes:
        checkpoints: Its checkpoints, in order; all are accepted.
    """

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self.checkpoints: list[Checkpoint] = []

    def initialize(self, shard_id: str) -> None:
        self._send_action(
            "initialize", shardId=shard_id, sequenceNumber="TRIM_HORIZON", subSequenceNumber=0
        )

    def process(self, records: Sequence[StreamRecord] = ()) -> None:
        self._send_action(
            "processRecords", records=list(map(_on_the_wire, records)), millisBehindLatest=0
        )

    def end_shard(self) -> None:
        self._send_action("shardEnded")

    def lose_lease(self) -> None:
        self._send_action("leaseLost")

    def stop(self) -> None:
        """Stops the process, like a machine that freezes."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def reported(self, event: str) -> list[dict[str, Any]]:
        """The log's lines of one event."""
        lines = [line for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line.get("event") == event]

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _send_action(self, action: str, **more: object) -> None:
        self._send(action=action, **more)
        while True:
            response = self._receive()
            if response["action"] == "status":
                assert response["responseFor"] == action
                return
            assert response["action"] == "checkpoint", response
            where = {name: response[name] for name in ("sequenceNumber", "subSequenceNumber")}
            self.checkpoints.append((where["sequenceNumber"], where["subSequenceNumber"]))
            self._send(action="checkpoint", **where)

    def _send(self, **message: object) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ChildEndedError(self._process.wait()) from error

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.strip():  # kclpy puts an empty line before each message
                reported: dict[str, Any] = json.loads(line)
                return reported
        raise ChildEndedError(self._process.wait())


@contextmanager
def running_child(environment: Mapping[str, str], log: Path) -> Iterator[KclChild]:
    """Runs a child process, which is ended after the block in any case."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "consumer"],
            cwd=ROOT,
            env={**plain_environment(), **environment, "PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    child = KclChild(process, log)
    try:
        yield child
    finally:
        child.end()


def _on_the_wire(record: StreamRecord) -> dict[str, object]:
    return {
        "action": "record",
        "data": base64.b64encode(record.data).decode(),
        "partitionKey": record.partition_key,
        "sequenceNumber": record.sequence_number,
        "subSequenceNumber": record.sub_sequence_number,
        "approximateArrivalTimestamp": record.arrived_at_ms,
    }
