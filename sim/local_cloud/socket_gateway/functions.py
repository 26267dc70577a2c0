"""Runs the Lambdas of the routes: production's zips, in separate processes.

A process handles one event at a time, as a Lambda's container does, and is kept for the next one.
The number of processes per function is limited; further invocations wait up to API Gateway's
limit. They run on the local AWS's Python, as do the Lambdas behind its HTTP gateway; it contains
the AWS SDK and none of our code.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.local_cloud.socket_gateway.definitions import FunctionError

INTEGRATION_TIMEOUT_S: Final = 29.0
"""API Gateway's limit."""
STARTS_WITHIN_S: Final = 120.0
_WORKER: Final = Path(__file__).with_name("lambda_worker.py")
_MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_TIMED_OUT: Final = FunctionError("Endpoint request timed out")


@dataclass(frozen=True, kw_only=True)
class FunctionCode:
    """A function that can be started.

    Attributes:
        name: Its name, also of its log.
        handler: Module and function.
        folder: Its unpacked zip.
        variables: Its environment without the variables that Lambda itself sets.
        timeout_s: Limit of an invocation.
        memory_mb: The memory size that its environment reports.
    """

    name: str
    handler: str
    folder: Path
    variables: Mapping[str, str]
    timeout_s: float
    memory_mb: int


class Functions:
    """All functions that were invoked so far.

    Args:
        fetch: Gets a function by its ARN.
        python: The interpreter that runs it.
        workers_per_function: The most processes of one function.
        on_line: Called with the function's name and each line of its log.
        timeout_s: How long an invocation may take, the wait for a process included.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[FunctionCode]],
        *,
        python: str,
        workers_per_function: int,
        on_line: Callable[[str, str], None],
        timeout_s: float = INTEGRATION_TIMEOUT_S,
    ) -> None:
        self._fetch = fetch
        self._python = python
        self._limit = workers_per_function
        self._on_line = on_line
        self._timeout_s = timeout_s
        self._pools: dict[str, asyncio.Task[_Pool]] = {}

    async def invoke(self, arn: str, event: Mapping[str, Any], request_id: str) -> Any:
        """A function's result for an event; a `FunctionError` when it fails or takes too long."""
        if arn not in self._pools:
            self._pools[arn] = asyncio.create_task(self._pool(arn))
        try:
            async with asyncio.timeout(self._timeout_s):
                pool = await asyncio.shield(self._pools[arn])
                return await pool.invoke(event, request_id)
        except TimeoutError:
            return _TIMED_OUT
        except Exception as error:  # it could not be fetched or started
            if self._pools[arn].done() and self._pools[arn].exception() is not None:
                del self._pools[arn]
            self._on_line("socket-gateway", f"{arn} can't be invoked: {error!r}")
            return FunctionError(str(error))

    async def stop(self) -> None:
        """Ends all processes."""
        for task in self._pools.values():
            task.cancel()
            if task.done() and not task.cancelled() and task.exception() is None:
                await task.result().stop()

    async def _pool(self, arn: str) -> _Pool:
        code = await self._fetch(arn)
        return _Pool(arn, code, self._python, self._limit, self._on_line)


class _Pool:
    """The processes of one function.

    A process that is starting, or that handles an event, continues when the gateway no longer waits
    for it, as in AWS: on a busy machine it is then ready for the next event.
    """

    def __init__(
        self,
        arn: str,
        code: FunctionCode,
        python: str,
        limit: int,
        on_line: Callable[[str, str], None],
    ) -> None:
        self._arn = arn
        self._code = code
        self._python = python
        self._limit = limit
        self._on_line = on_line
        self._idle: asyncio.LifoQueue[_Worker | FunctionError] = asyncio.LifoQueue()
        self._working: set[_Worker] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._works: set[asyncio.Task[Any]] = set()
        self._waiting = 0

    async def invoke(self, event: Mapping[str, Any], request_id: str) -> Any:
        requested = {
            "event": event,
            "request_id": request_id,
            "arn": self._arn,
            "timeout_s": self._code.timeout_s,
        }
        line = json.dumps(requested).encode() + b"\n"
        worker = await self._free()
        if isinstance(worker, FunctionError):
            return worker
        self._working.add(worker)
        work = asyncio.create_task(self._work(worker, line, request_id))
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        return await asyncio.shield(work)

    async def _work(self, worker: _Worker, line: bytes, request_id: str) -> Any:
        timeout_s = self._code.timeout_s
        is_fit = False
        try:
            async with asyncio.timeout(timeout_s):
                response = await worker.invoke(line)
            is_fit = True
        except TimeoutError:
            self._on_line(self._code.name, f"{request_id} Task timed out after {timeout_s} s")
            return FunctionError(f"Task timed out after {timeout_s:.2f} seconds")
        except (OSError, EOFError, ValueError) as error:
            return FunctionError(f"Runtime exited: {error!r}")
        finally:
            self._working.discard(worker)
            if is_fit:
                self._idle.put_nowait(worker)
            else:
                await worker.stop()
                self._grow()  # for waiting events
        return response["result"] if "result" in response else FunctionError(response["error"])

    async def stop(self) -> None:
        begun: set[asyncio.Task[Any]] = {*self._starting, *self._works}
        for task in begun:
            task.cancel()
        if begun:
            await asyncio.wait(begun)
        while not self._idle.empty():
            worker = self._idle.get_nowait()
            if isinstance(worker, _Worker):
                await worker.stop()
        for worker in tuple(self._working):
            await worker.stop()

    async def _free(self) -> _Worker | FunctionError:
        self._waiting += 1
        try:
            self._grow()
            return await self._idle.get()
        finally:
            self._waiting -= 1

    def _grow(self) -> None:
        """Starts a process when more events wait than there are processes."""
        there = len(self._working) + self._idle.qsize() + len(self._starting)
        if self._waiting > self._idle.qsize() + len(self._starting) and there < self._limit:
            task = asyncio.create_task(self._start())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self) -> None:
        try:
            started = await _Worker.start(self._code, self._python, self._on_line)
        except (OSError, EOFError, ValueError, RuntimeError, TimeoutError) as error:
            self._on_line(self._code.name, f"can't be started: {error!r}")
            self._idle.put_nowait(FunctionError(str(error)))
        else:
            self._idle.put_nowait(started)


class _Worker:
    """One process of a function."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        name: str,
        on_line: Callable[[str, str], None],
    ) -> None:
        self._process = process
        self._log = asyncio.create_task(self._read_log(name, on_line))

    @classmethod
    async def start(
        cls, code: FunctionCode, python: str, on_line: Callable[[str, str], None]
    ) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            python,
            "-P",  # no imports from the folder of the worker's script
            str(_WORKER),
            cwd=code.folder,
            env={
                "PATH": os.environ.get("PATH", ""),
                "PYTHONUNBUFFERED": "1",
                "AWS_EC2_METADATA_DISABLED": "true",
                **code.variables,
                "AWS_LAMBDA_FUNCTION_NAME": code.name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(code.memory_mb),
                "LAMBDA_TASK_ROOT": str(code.folder),
                "_HANDLER": code.handler,
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_MAX_LINE_BYTES,
        )
        worker = cls(process, code.name, on_line)
        try:
            async with asyncio.timeout(STARTS_WITHIN_S):
                response = await worker.read_line()
            if "error" in response:
                raise RuntimeError(f"{code.name} does not start: {response['error']}")
        except BaseException:
            await worker.stop()
            raise
        return worker

    async def invoke(self, line: bytes) -> dict[str, Any]:
        """Sends an event to the process; returns its response."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        self._process.stdin.write(line)
        await self._process.stdin.drain()
        return await self.read_line()

    async def read_line(self) -> dict[str, Any]:
        """Reads the next line.

        Raises:
            EOFError: The process has ended.
        """
        assert self._process.stdout is not None  # noqa: S101 - as above
        line = await self._process.stdout.readline()
        if not line:
            raise EOFError("the process has ended")
        found: dict[str, Any] = json.loads(line)
        return found

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._log

    async def _read_log(self, name: str, on_line: Callable[[str, str], None]) -> None:
        assert self._process.stderr is not None  # noqa: S101 - as above
        async for line in self._process.stderr:
            on_line(name, line.decode(errors="replace").rstrip())
