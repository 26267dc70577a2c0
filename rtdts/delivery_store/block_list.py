"""The process's cache of the blocks: read whole every `READ_EVERY_S`, when next needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from rtdts.runtime.logs import Logger
from rtdts.tracking.blocks import Block, Blocks

READ_EVERY_S: Final = 10.0
"""Even if one read is slow, a block takes effect within 15 s."""
_USABLE_FOR_S: Final = 2.0
"""How long after a read is due other threads go on with the old list while one reads."""


class BlockReader(Protocol):
    """See `rtdts.delivery_store.blocked_identities.BlockStore`."""

    def in_force(self, now_ms: int, /) -> Sequence[Block]:
        """Every block that is not over."""


class BlockList:
    """Caches the blocks in force; may be used by several threads.

    While the table can't be read, no new block takes effect, and those read before stay in force:
    an unavailable table must not stop the trucks. The read is tried again after `READ_EVERY_S`, so
    that a process waits for it only that often.

    While one thread reads, the others go on with the old list. If that is much older, because the
    process was idle, they wait for the read: otherwise the first pushes after a quiet minute could
    go to a viewer that was revoked within it.

    Args:
        store: Where the blocks are. Its client needs short timeouts, because a request waits for
            it.
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
        """The blocks as read at most `read_every_s` ago, unless the table can't be read."""
        if self._is_due() and self._reading.acquire(blocking=self._is_due(_USABLE_FOR_S)):
            try:
                if self._is_due():
                    self._read()
            finally:
                self._reading.release()
        return self._blocks

    def _is_due(self, since_s: float = 0.0) -> bool:
        """Whether a read has been due for so long."""
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
        # Aged from the start of the read: what was written during it may be missing.
        self._read_at_ms = begun_at_ms
