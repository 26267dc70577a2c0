"""Runs a program that is told to end when the process that started it ends, however that ends.

    python -S tether.py <pid of the starter> <program> <argument>…

The program replaces this one, so its pid is the pid that the starter sees. Where the system can't
do that (it needs Linux's parent-death signal) the program just runs.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ties this process to its starter, then becomes the program."""
    starter, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != int(starter):  # it ended before the tie was made
        sys.exit(f"tether: process {starter} is gone")
    os.execvp(command[0], command)  # noqa: S606 - without a shell on purpose


if __name__ == "__main__":
    main()
