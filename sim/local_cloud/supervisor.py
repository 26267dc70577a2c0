"""Keeps the parts running: starts them, restarts those that die, stops all in order."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sim.local_cloud.parts import Part, PartError, RestartPolicy
from sim.local_cloud.processes import PartProcess
from sim.local_cloud.run_dir import hold_file

_PROBE_EVERY_S = 0.05
_HOLD_EVERY_S = 0.2


@dataclasses.dataclass(frozen=True)
class StopStage:
    """Parts that are stopped concurrently, and how long they may take."""

    parts: tuple[str, ...]
    grace_s: float


class Supervisor:
    """Runs parts in a run folder.

    Parts are watched from their start on. `failure` completes when a failure can't be repaired by
    a restart. A part that ends while the run folder contains its `hold_file` stays down until the
    file is removed; this shows how the others behave without it.
    """

    def __init__(
        self,
        run_dir: Path,
        report: Callable[[str], None],
        *,
        policy: RestartPolicy | None = None,
    ) -> None:
        self._run_dir = run_dir
        self._report = report
        self._policy = policy or RestartPolicy()
        self._running: dict[str, PartProcess] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._failures: asyncio.Queue[PartError] = asyncio.Queue()

    async def start(self, *parts: Part) -> None:
        """Starts parts concurrently and returns when all are ready.

        Raises:
            PartError: A part died or wasn't ready in time.
        """
        await asyncio.gather(*(self._start(part) for part in parts))

    async def failure(self) -> PartError:
        """Waits until a part is permanently lost; returns its error."""
        return await self._failures.get()

    async def stop(self, names: Iterable[str], grace_s: float) -> None:
        """Stops parts concurrently; kills those that still run after the grace period."""
        doomed = [name for name in names if name in self._watchers]
        for name in doomed:
            self._watchers[name].cancel()
        await asyncio.gather(*(self._watchers.pop(name) for name in doomed), return_exceptions=True)
        await asyncio.gather(
            *(self._running.pop(name).stop(grace_s) for name in doomed if name in self._running)
        )

    async def stop_all(self, stages: Sequence[StopStage] = ()) -> None:
        """Stops everything: stage by stage, then all remaining parts at once."""
        for stage in stages:
            await self.stop(stage.parts, stage.grace_s)
        await self.stop(list(self._watchers), 0)

    async def _start(self, part: Part) -> None:
        process = await self._launch(part, append=False)
        # Watched from here on, so that `stop` always finds it.
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers[part.name] = asyncio.create_task(self._watch(part, process, ready))
        self._watchers[part.name].add_done_callback(lambda ended: self._watched(part, ended, ready))
        await ready

    def _watched(
        self, part: Part, ended: asyncio.Task[None], first_ready: asyncio.Future[None]
    ) -> None:
        """Reports a failed watcher, so that its part does not stay unwatched silently."""
        if ended.cancelled() or (error := ended.exception()) is None:
            return
        lost = PartError(part.name, f"can't be watched any more: {error!r}")
        if first_ready.done():
            self._failures.put_nowait(lost)
        else:
            first_ready.set_exception(lost)

    async def _launch(self, part: Part, *, append: bool) -> PartProcess:
        process = await PartProcess.launch(part, self._run_dir, append=append)
        self._running[part.name] = process
        return process

    async def _watch(
        self, part: Part, process: PartProcess, first_ready: asyncio.Future[None]
    ) -> None:
        failures = 0
        while True:
            problem = await _become_ready(process)
            if problem is None:
                failures = 0
                if first_ready.done():
                    self._report(f"{part.name} is back (process {process.incarnation.pid})")
                else:
                    first_ready.set_result(None)
                problem = f"died ({_ending(await process.wait())})"
            else:
                failures += 1
                if not first_ready.done():
                    first_ready.set_exception(PartError(part.name, problem))
                    return
            if not part.restarts:
                self._failures.put_nowait(PartError(part.name, problem))
                return
            delay_s = self._policy.delay_s(failures)
            if delay_s is None:
                self._failures.put_nowait(
                    PartError(part.name, f"{problem}; given up after {failures} attempts")
                )
                return
            await self._while_held(part, problem)
            self._report(f"{part.name} {problem}; starting it again")
            await asyncio.sleep(delay_s)
            process = await self._launch(part, append=True)

    async def _while_held(self, part: Part, problem: str) -> None:
        hold = hold_file(self._run_dir, part.name)
        if hold.exists():
            self._report(f"{part.name} {problem}; it stays down while {hold} exists")
        while hold.exists():  # noqa: ASYNC110 - no event signals its removal
            await asyncio.sleep(_HOLD_EVERY_S)


async def _become_ready(process: PartProcess) -> str | None:
    """Waits until the part is ready; else ends its process and returns the problem."""
    part = process.part
    ended = asyncio.create_task(process.wait())
    try:
        async with asyncio.timeout(part.ready_within_s):
            while not ended.done():
                if await asyncio.to_thread(part.is_ready, process.incarnation):
                    return None
                await asyncio.wait({ended}, timeout=_PROBE_EVERY_S)
    except TimeoutError:
        await process.stop(0)
        document = process.last_lines()
        return f"was not ready after {part.ready_within_s:.0f} s; the end of its log:\n{document}"
    finally:
        ended.cancel()
    return f"ended ({_ending(ended.result())}); the end of its log:\n{process.last_lines()}"


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
