"""Checkpoints a shard's last durable record, but not more often than is useful."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from amazon_kclpy.checkpoint_error import CheckpointError

from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger
from rtdts.tracking.stream_position import StreamPosition

INTERVAL_S = 1.0
"""Minimum time between checkpoints, each of which is a write to the lease table."""
ATTEMPTS = 5
"""Attempts at a final checkpoint: at the end of the shard and at shutdown, no later one follows."""

_LEASE_LOST = "ShutdownException"
_INVALID_STATE = "InvalidStateException"


class CheckpointProtocolError(Exception):
    """The protocol with the daemon is broken: the process must exit."""


class KclCheckpointer(Protocol):
    """The KCL's own checkpointer, as `amazon_kclpy` provides it."""

    def checkpoint(
        self, sequence_number: str | None = None, sub_sequence_number: int | None = None
    ) -> None:
        """Checkpoints at a record or, without one, at the end of all delivered records."""


class Checkpoints:
    """The checkpoints of one shard.

    Args:
        sleep: Waits between attempts at a final checkpoint.

    Checkpointing raises `CheckpointProtocolError` when the protocol is broken.
    """

    def __init__(
        self,
        *,
        log: Logger,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._durable: StreamPosition | None = None
        self._checkpointed: StreamPosition | None = None
        self._last_s: float | None = None

    def durable_up_to(self, position: StreamPosition) -> None:
        """Records that everything up to this record is durable."""
        if self._durable is None or position > self._durable:
            self._durable = position

    def checkpoint_if_due(self, checkpointer: KclCheckpointer) -> None:
        """Checkpoints when there is progress and the last checkpoint is long enough ago.

        A failure loses nothing: the next checkpoint covers it, and repeated records are skipped.

        Raises:
            CheckpointProtocolError: The protocol is broken.
        """
        now = self._clock()
        is_due = self._last_s is None or now - self._last_s >= INTERVAL_S
        if is_due and self._has_progress:
            self._last_s = now
            self._checkpoint(checkpointer)

    def checkpoint_now(self, checkpointer: KclCheckpointer) -> bool:
        """Checkpoints the last durable record for the last time; makes several attempts.

        Returns:
            Whether everything durable is checkpointed.

        Raises:
            CheckpointProtocolError: The protocol is broken.
        """
        return not self._has_progress or self._retry(lambda: self._checkpoint(checkpointer))

    def end_shard(self, checkpointer: KclCheckpointer) -> bool:
        """Checkpoints the end of the shard, so that its children may be read.

        Returns:
            Whether the end is checkpointed.

        Raises:
            CheckpointProtocolError: The protocol is broken.
        """
        return self._retry(lambda: self._attempt(checkpointer.checkpoint) is None)

    @property
    def _has_progress(self) -> bool:
        return self._durable is not None and self._durable != self._checkpointed

    def _checkpoint(self, checkpointer: KclCheckpointer) -> bool:
        durable = self._durable
        if durable is None:
            return True
        error = self._attempt(
            lambda: checkpointer.checkpoint(
                str(durable.sequence_number), durable.sub_sequence_number
            )
        )
        if error is None:
            self._checkpointed = durable
        return error in (None, _LEASE_LOST)

    def _retry(self, attempt: Callable[[], bool]) -> bool:
        waits_s = backoff_s(first_s=0.1, max_s=2.0)
        for number in range(ATTEMPTS):
            if number:
                self._sleep(next(waits_s))
            if attempt():
                return True
        return False

    def _attempt(self, checkpoint: Callable[[], None]) -> str | None:
        """Returns the name of the KCL's exception, or None."""
        try:
            checkpoint()
        except CheckpointError as error:
            if error.value == _INVALID_STATE:
                raise CheckpointProtocolError(str(error)) from error
            self._log.warning("checkpoint_rejected", reason=str(error.value))
            return str(error.value)
        return None
