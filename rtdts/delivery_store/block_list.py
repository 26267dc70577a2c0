"""The blocks as a process knows them: read whole every `READ_EVERY_S`, when next needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Block, Blocks

READ_EVERY_S: Final = 10.0
"""With one slow reading, a block is respected within 15 s."""


class BlockReader(Protocol):
    """See `rtdts.delivery_store.blocked_identities.BlockStore`."""

    def in_force(self, now_ms: int, /) -> Sequence[Block]:
        """Every block that is not over."""
        ...


class BlockList:
    """Keeps the blocks; may be used by several threads.

    A table that can't be read blocks nobody new, and what was read before stays in force: a table
    that is away must not stop the trucks. It is tried again after `READ_EVERY_S`, so that each
    process waits for it only so often.

    Args:
        store: Where the blocks are. Its client needs short timeouts: a request waits for it.
        log: Where it reports that they can't be read.
        now_ms: Wall clock: a monotonic one may stand still while a Lambda is frozen.
        read_every_s: Seconds between two readings.
    """

    def __init__(
        self,
        store: BlockReader,
        *,
        log: Logger,
        now_ms: Callable[[], int],
        read_every_s: float = READ_EVERY_S,
    ) -> None:
        self._store = store
        self._log = log
        self._now_ms = now_ms
        self._read_every_ms = read_every_s * 1_000
        self._blocks = Blocks()
        self._read_at_ms: int | None = None
        self._reading = threading.Lock()

    def current(self) -> Blocks:
        """The blocks as read at most `read_every_s` ago, unless the table can't be read."""
        if self._is_due() and self._reading.acquire(blocking=self._read_at_ms is None):
            try:
                if self._is_due():
                    self._read()
            finally:
                self._reading.release()
        return self._blocks

    def _is_due(self) -> bool:
        read_at_ms = self._read_at_ms
        # A clock that was set back makes it due, too.
        return read_at_ms is None or abs(self._now_ms() - read_at_ms) >= self._read_every_ms

    def _read(self) -> None:
        begun_at_ms = self._now_ms()
        try:
            self._blocks = Blocks(self._store.in_force(begun_at_ms))
        except Exception as error:
            # Whatever it is, no request fails for it, and the next reading is soon.
            self._log.exception("blocks_not_read", error)
        # As old as its beginning: what was written during the reading may be missing.
        self._read_at_ms = begun_at_ms
