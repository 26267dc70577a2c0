"""Halts the daemon at once when this child process dies.

The daemon notices a dead child by itself, but then runs its shutdown hook, which waits for all
children, the dead one included, as long as SIGTERM allows (`KCL_SHUTDOWN_GRACE_MS`). All shards
would stand still for that long. The records that the other children are processing are read again.

A killed child can't act, so a process forked from it does. That process waits on a pipe whose other
end only the child holds, and which closes when the child dies. It is forked before anything of ours
is imported.
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
"""How long the daemon may still forward the dead child's last log lines, which say why it died."""
_RELEASED: Final = b"."


def halt_daemon_with_this_process() -> Callable[[], None]:
    """Makes the death of this process halt the daemon that started it.

    Call it before threads are started and before anything else is opened. It does nothing when this
    process was not started by the daemon, or when the system has no process file descriptors.

    Returns:
        A function to call first at an orderly end, so that the daemon is left running.
    """
    daemon = _daemon()
    if daemon is None:
        return lambda: None
    closes, write_end = os.pipe()
    if os.fork() == 0:
        os.close(write_end)
        try:
            _halt_when_closed(closes, daemon)
        finally:
            os._exit(0)
    os.close(closes)
    os.close(daemon)

    def release() -> None:
        os.write(write_end, _RELEASED)

    return release


def _daemon() -> int | None:
    """Returns a descriptor of the parent, if it is the daemon: its process id may be reused."""
    if sys.platform != "linux":
        return None
    parent = os.getppid()
    try:
        descriptor = os.pidfd_open(parent)
        is_daemon = MAIN_CLASS.encode() in Path(f"/proc/{parent}/cmdline").read_bytes()
    except OSError:  # it has already exited, or the kernel has no such descriptors
        return None
    if is_daemon and os.getppid() == parent:
        return descriptor
    os.close(descriptor)
    return None


def _halt_when_closed(closes: int, daemon: int) -> None:
    # Standard input and output lead to the daemon: while they are open here, it can't see them end.
    os.close(0)
    os.close(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.read(closes, 1) == _RELEASED:
        return
    time.sleep(LAST_LINES_S)
    if sys.platform == "linux":
        signal.pidfd_send_signal(daemon, signal.SIGKILL)
