"""The process's cache of all blocks, read at most every `READ_EVERY_S`, when they are needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Block, Blocks

READ_EVERY_S: Final = 10.0
"""Even if one read is slow, a block takes effect within 15 s."""
_USABLE_FOR_S: Final = 2.0
"""While one thread reads, the others use the old list for this long after the read was due."""


class BlockReader(Protocol):
    """See `rtdts.delivery_store.blocked_identities.BlockStore`."""

    def in_force(self, now_ms: int, /) -> Sequence[Block]:
        """Returns every block in force."""


class BlockList:
    """Caches the blocks in force; may be used by several threads.

    While the table can't be read, no new block takes effect, and those read before stay in force:
    an unavailable table must not stop the trucks. The read is retried after `READ_EVERY_S`, so
    that a process waits for it only that often.

    While one thread reads, the others use the old list. If the list is too old, because the process
    was idle, they wait for the read: otherwise the first pushes after a quiet minute could go to a
    viewer that was revoked within that minute.

    Args:
        store: Reads the blocks. Its client needs short timeouts, because requests wait for it.
        now_ms: Wall clock: a monotonic one may stand still while a Lambda is frozen.
        read_every_s: Seconds between two reads.
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
        """Returns the blocks, read at most `read_every_s` ago unless the table can't be read."""
        if self._is_due() and self._reading.acquire(blocking=self._is_due(_USABLE_FOR_S)):
            try:
                if self._is_due():
                    self._read()
            finally:
                self._reading.release()
        return self._blocks

    def _is_due(self, since_s: float = 0.0) -> bool:
        """Returns whether a read has been due for at least `since_s` seconds."""
        read_at_ms, age_ms = self._read_at_ms, self._read_every_ms + since_s * 1_000
        # A clock that was set back also makes a read due.
        return read_at_ms is None or abs(self._now_ms() - read_at_ms) >= age_ms

    def _read(self) -> None:
        begun_at_ms = self._now_ms()
        try:
            self._blocks = Blocks(self._store.in_force(begun_at_ms))
        except Exception as error:
            # No error here may fail a request, and the next read is soon.
            self._log.exception("blocks_not_read", error)
        # Blocks that were written during the read may be missing, so the list's age counts from
        # the read's start.
        self._read_at_ms = begun_at_ms
