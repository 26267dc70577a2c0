"""Writes the output of the Lambdas to the local AWS's logs, where it would be in AWS."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

SHIP_EVERY_S: Final = 0.25
MAX_LINES: Final = 1_000
"""Lines per call; the service accepts ten times as many."""


class FunctionLogs:
    """Collects lines and writes them periodically.

    Args:
        client: The client of the local AWS's logs.
    """

    def __init__(self, client: CloudWatchLogsClient) -> None:
        self._client = client
        self._lines: dict[str, list[Any]] = {}
        self._streams: dict[str, str] = {}

    def add(self, function: str, line: str) -> None:
        """Adds a line of a function's log."""
        event = {"timestamp": time.time_ns() // 1_000_000, "message": line or " "}
        self._lines.setdefault(function, []).append(event)

    async def run(self) -> None:
        """Writes the lines until cancelled, then the remaining ones."""
        try:
            while True:
                await asyncio.sleep(SHIP_EVERY_S)
                await self._ship()
        finally:
            await asyncio.shield(self._ship())

    async def _ship(self) -> None:
        gathered, self._lines = self._lines, {}
        for function, events in gathered.items():
            # The local AWS may be shutting down.
            with contextlib.suppress(BotoCoreError, ClientError):
                await asyncio.to_thread(self._write, function, events)

    def _write(self, function: str, events: Sequence[Any]) -> None:
        group = f"/aws/lambda/{function}"
        if function not in self._streams:
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=group)
            stream = f"socket-gateway-{uuid.uuid4().hex}"
            self._client.create_log_stream(logGroupName=group, logStreamName=stream)
            self._streams[function] = stream
        for start in range(0, len(events), MAX_LINES):
            self._client.put_log_events(
                logGroupName=group,
                logStreamName=self._streams[function],
                logEvents=events[start : start + MAX_LINES],
            )
