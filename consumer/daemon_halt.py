"""Halts the daemon at once when this child of it dies.

The daemon notices a dead child by itself, but ends by its shutdown hook, which waits for all
children as long as SIGTERM allows them (`KCL_SHUTDOWN_GRACE_MS`), the dead one included: all shards
would stand still for that long. What the other children have in hand comes again.

A child that was killed can't act, so a process forked from it does: it waits at a pipe whose other
end the child alone holds, and which closes with it. It imports nothing of ours: it comes first.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

MAIN_CLASS: Final = "software.amazon.kinesis.multilang.MultiLangDaemon"
LAST_LINES_S: Final = 1.0
"""For so long the daemon may still pass on what the dead child logged last: why it died."""
_RELEASED: Final = b"."


def halt_daemon_with_this_process() -> Callable[[], None]:
    """From now on the death of this process halts the daemon that started it.

    To be called before threads are started, and before anything else is opened. It does nothing
    when something else than the daemon started this, or the system has no descriptors of processes.

    Returns:
        What an orderly end calls first; after it the daemon is left alone.
    """
    daemon = _daemon()
    if daemon is None:
        return lambda: None
    closes, held = os.pipe()
    if os.fork() == 0:
        os.close(held)
        try:
            _halt_when_closed(closes, daemon)
        finally:
            os._exit(0)
    os.close(closes)
    os.close(daemon)

    def release() -> None:
        os.write(held, _RELEASED)

    return release


def _daemon() -> int | None:
    """A descriptor of the parent, if it is the daemon; its number may be another's later."""
    if sys.platform != "linux":
        return None
    parent = os.getppid()
    try:
        descriptor = os.pidfd_open(parent)
        is_daemon = MAIN_CLASS.encode() in Path(f"/proc/{parent}/cmdline").read_bytes()
    except OSError:  # it is gone already, or the kernel has no such descriptors
        return None
    if is_daemon and os.getppid() == parent:
        return descriptor
    os.close(descriptor)
    return None


def _halt_when_closed(closes: int, daemon: int) -> None:
    # Standard input and output are the daemon's: while they are open here, it can't see them end.
    os.close(0)
    os.close(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.read(closes, 1) == _RELEASED:
        return
    time.sleep(LAST_LINES_S)
    if sys.platform == "linux":
        signal.pidfd_send_signal(daemon, signal.SIGKILL)
