"""Runs a program that receives SIGTERM when its starting process ends, for any reason.

    python -S die_with_parent.py <pid of the starter> <program> <argument>…

The program replaces this one, so its pid is the pid that the starter sees. On a system without
Linux's parent-death signal the program runs without this tie.
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
    if os.getppid() != int(starter):  # the starter ended before the tie was set up
        sys.exit(f"die_with_parent: process {starter} is gone")
    os.execvp(command[0], command)  # noqa: S606 - without a shell on purpose


if __name__ == "__main__":
    main()
