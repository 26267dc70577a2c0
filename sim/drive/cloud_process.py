"""The local cloud as a process of the demo's own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from sim.local_cloud.processes import TETHER

READY = "READY"

STOP_WITHIN_S = 25.0
"""`sim up` promises 20 s."""


def up_command(arguments: Sequence[str]) -> list[str]:
    """`sim up` with its arguments, on this Python."""
    return [sys.executable, "-m", "sim", "up", *arguments]


class CloudFailedError(Exception):
    """The local cloud ended; it has said why in its own lines.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the local cloud ended with exit code {code}")
        self.code = code


class CloudProcess:
    """`sim up`, in a session of its own: Ctrl-C is for the demo, which then stops it in order.

    It is tied to this process: should the demo be killed, the cloud stops by itself.
    """

    def __init__(self, process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
        self._process = process
        self._on_line = on_line
        self._ready = asyncio.Event()
        self._pumps = (
            asyncio.create_task(self._pump(process.stdout)),
            asyncio.create_task(self._pump(process.stderr)),
        )

    @classmethod
    async def start(cls, command: Sequence[str], on_line: Callable[[str], None]) -> CloudProcess:
        """Start it.

        Args:
            command: `up_command`'s.
            on_line: Takes what it says.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-S",
            str(TETHER),
            str(os.getpid()),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process, on_line)

    async def ready(self) -> None:
        """Wait until everything works.

        Raises:
            CloudFailedError: It ended before.
        """
        ended = asyncio.create_task(self._process.wait())
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                await self.failure()
        finally:
            ended.cancel()
            ready.cancel()

    async def failure(self) -> None:
        """Wait until it ends.

        Raises:
            CloudFailedError: When it does.
        """
        code = await self._process.wait()
        await asyncio.gather(*self._pumps)  # so that its last words are heard first
        raise CloudFailedError(code)

    async def stop(self) -> int:
        """Stop it in order, and by force when it takes too long; returns its exit code."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self._process.wait()
            except TimeoutError:
                self._on_line(f"did not stop within {STOP_WITHIN_S:g} s: killing it")
                self._process.kill()
        code = await self._process.wait()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        return code

    async def _pump(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None  # noqa: S101 for the type checker: both are pipes
        while line := await stream.readline():
            text = line.decode(errors="replace").rstrip()
            if text == READY:
                self._ready.set()
            elif text:
                self._on_line(text)
