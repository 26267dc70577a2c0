"""``python -m consumer``: one child of the MultiLangDaemon, for one shard.

Standard output is the KCL's protocol: one stray line on it and the daemon gives up. So before
anything else is imported, the protocol gets its own descriptor and 1 becomes standard error.
"""

import gc
import os
import signal
import sys
from typing import TextIO

from consumer.daemon_halt import halt_daemon_with_this_process

_COLLECT_AFTER = (100_000, 50, 100)
"""A batch creates some 30 objects per point, which live as long as the batch and form no reference
cycles. With Python's default thresholds the collector scans all of them again and again, which
takes a quarter of this process's time."""


def _take_standard_output() -> TextIO:
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return protocol


def main() -> int:
    """Serves the daemon until it closes standard input."""
    # First: whatever is imported or opened before the fork would be duplicated.
    release_daemon = halt_daemon_with_this_process()
    protocol = _take_standard_output()
    # Ctrl-C reaches the whole group; the daemon drains its children by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    from amazon_kclpy.kcl import KCLProcess

    from consumer.bootstrap import build
    from rtdts.runtime.settings import SettingsError

    try:
        processor = build(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    KCLProcess(processor, output_file=protocol).run()
    release_daemon()
    return 0


if __name__ == "__main__":
    sys.exit(main())
