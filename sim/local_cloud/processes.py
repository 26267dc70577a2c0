"""Starts a part's process in its own session, and ends the whole session."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from sim.local_cloud.parts import Incarnation, Part
from sim.setup.places import PROJECT

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
"""Script that ends a program when its starter ends."""
_EXITS_WITHIN_S = 2.0
RUN_DIR_MARK = "RTDTS_RUN_DIR"
"""Set in the environment of every process of a local cloud, so that a later one finds them."""


class PartProcess:
    """A running process of a part, its pid file and its log."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, run_dir: Path) -> None:
        self.part = part
        self._process = process
        self._pid_file = run_dir / f"{part.name}.pid"
        self._log_file = run_dir / f"{part.name}.log"
        self._log_offset = 0

    @classmethod
    async def launch(cls, part: Part, run_dir: Path, *, append: bool) -> PartProcess:
        """Starts the process as the leader of its own session and process group.

        Args:
            part: The part to start.
            run_dir: Folder of the pid and log files.
            append: Whether to append to the log, as at a restart, or to start a new one.
        """
        log_file = run_dir / f"{part.name}.log"
        with log_file.open("ab" if append else "wb") as log:
            offset = log.tell()
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-S",  # no site-packages: the script runs only for milliseconds
                str(DIE_WITH_PARENT),
                str(os.getpid()),
                *part.command,
                cwd=PROJECT,  # the KCL's children are started by module name
                env={**part.environment, RUN_DIR_MARK: str(run_dir)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self = cls(part, process, run_dir)
        self._log_offset = offset
        self._pid_file.write_text(f"{process.pid}\n")
        return self

    @property
    def incarnation(self) -> Incarnation:
        """The run that probes inspect."""
        return Incarnation(self._process.pid, self._log_file, self._log_offset)

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, indented."""
        lines = self.incarnation.output().splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines)

    async def wait(self) -> int:
        """Waits for the leader to end, then ends the rest of its session."""
        code = await self._process.wait()
        await self._end_group()
        return code

    async def stop(self, grace_s: float) -> None:
        """Sends SIGTERM, and after `grace_s` ends the whole session."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()  # only the leader: the KCL stops its own children
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(grace_s, 0)):
                await self._process.wait()
        await self._end_group()
        await self._process.wait()

    async def _end_group(self) -> None:
        """Kills the process group: a surviving child could write the same data as the next run."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EXITS_WITHIN_S):
                while group_is_alive(self._process.pid):  # noqa: ASYNC110 - no event for it
                    await asyncio.sleep(0.01)
        self._pid_file.unlink(missing_ok=True)


def group_is_alive(group: int, proc: Path = Path("/proc")) -> bool:
    """Whether a process group has members that still run (zombies don't)."""
    for stat in proc.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            state, _, member_of = stat.read_text().rsplit(")", 1)[1].split()[:3]
            if int(member_of) == group and state not in "ZX":
                return True
    return False


def find_leftovers(run_dir: Path, proc: Path = Path("/proc")) -> list[int]:
    """Processes of a local cloud that ended without stopping its parts (Linux only)."""
    mark = f"{RUN_DIR_MARK}={run_dir}".encode()
    leftovers = []
    for environ in proc.glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # another user's process, or one that has ended
            if mark in environ.read_bytes().split(b"\0"):
                leftovers.append(int(environ.parent.name))
    return [pid for pid in leftovers if pid != os.getpid()]
