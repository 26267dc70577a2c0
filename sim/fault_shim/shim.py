"""The proxy: calls `decide` for each request and applies the decision."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from fnmatch import fnmatchcase

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict

from sim.fault_shim.control import CONTROL_PATH, respond_to_control
from sim.fault_shim.deciding import Decision, Tallies, decide
from sim.fault_shim.error_responses import worded
from sim.fault_shim.index_lag import LaggingIndexes
from sim.fault_shim.record import Exchange, Record
from sim.fault_shim.requests import Received, Request, understand
from sim.fault_shim.responses import ProxyResponse, complete, cut_off, ended, replaced
from sim.fault_shim.rules import (
    CutResponse,
    Drop,
    FaultPlan,
    FaultRule,
    LagIndex,
    Reject,
    ReplaceResponse,
)
from sim.fault_shim.upstream import Upstream, passed_on

HOST = "127.0.0.1"
_MAX_HEADER_BYTES = 64 * 1024


_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})


class FaultShim:
    """A reverse proxy that injects faults; use as an async context manager.

    Attributes:
        record: The exchanges so far.

    Args:
        upstream_url: Where it forwards to: scheme, host and port.
        rules: The rules at the start.
        seed: Seed of the rules' random choices.
        port: The port to listen on; any free one by default.
        clock: Monotonic seconds, for lagging indexes.
        sleep: Waits, for delays.
    """

    def __init__(
        self,
        upstream_url: str,
        rules: Sequence[FaultRule] = (),
        *,
        seed: int = 0,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.record = Record()
        self._fault_plan = FaultPlan(rules=tuple(rules), seed=seed)
        self._tallies: Tallies = {}
        self._upstream = Upstream(upstream_url)
        self._indexes = LaggingIndexes(self._upstream.call_dynamodb, clock)
        self._port = port
        self._sleep = sleep
        self._exit = contextlib.AsyncExitStack()

    async def __aenter__(self) -> FaultShim:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._upstream)
            stack.push_async_callback(self._indexes.drop)
            server = web.Server(
                self._handle,
                access_log=None,
                auto_decompress=False,
                max_line_size=_MAX_HEADER_BYTES,
                max_field_size=_MAX_HEADER_BYTES,
            )
            # Clients that still wait for a delayed response at shutdown are cut off.
            runner = web.ServerRunner(server, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, HOST, self._port)
            await site.start()
            self._port = runner.addresses[0][1]
            self._exit = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    @property
    def url(self) -> str:
        """The URL at which it listens."""
        return f"http://{HOST}:{self._port}"

    @property
    def fault_plan(self) -> FaultPlan:
        """The rules in force."""
        return self._fault_plan

    @property
    def tallies(self) -> Tallies:
        """How often each rule matched and was applied since the fault plan was set."""
        return self._tallies

    async def set_fault_plan(self, fault_plan: FaultPlan) -> None:
        """Changes the fault plan for all later requests, and resets the tallies."""
        self._fault_plan = fault_plan
        self._tallies = {}
        await self._indexes.drop(self._lags)

    async def set_rules(self, *rules: FaultRule) -> None:
        """Sets the rules and keeps the seed; without rules all requests pass unchanged."""
        await self.set_fault_plan(msgspec.structs.replace(self._fault_plan, rules=rules))

    async def _wait(self, wait_s: float) -> None:
        if wait_s > 0:
            await self._sleep(wait_s)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        if request.path == CONTROL_PATH:
            return await respond_to_control(self, request.method, body)
        received = Received(
            method=request.method,
            target=request.raw_path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        parsed = understand(received)
        decision, self._tallies = decide(
            parsed, self._fault_plan.rules, self._tallies, self._fault_plan.seed
        )
        exchange = Exchange(
            service=parsed.service,
            operation=parsed.operation,
            path=parsed.path,
            applied_rules=decision.applied_rules,
            entries=parsed.entries,
            failed=tuple(sorted(decision.failures)),
        )
        await self._wait(decision.delay_before_s)
        if isinstance(decision.ending, Drop):
            self.record.add(exchange)
            return ended(request, decision.ending.by)
        if isinstance(decision.ending, Reject):
            content_type = request.headers.get("Content-Type", "")
            reply = worded(decision.ending, parsed.dialect, content_type)
            return await self._send(request, decision, exchange, reply)
        try:
            return await self._forward(request, received, parsed, decision, exchange)
        except aiohttp.ClientError:
            # Upstream is unreachable or sent no response: the client sees the same.
            self.record.add(msgspec.structs.replace(exchange, forwarded=True))
            return ended(request, "reset")

    async def _forward(
        self,
        request: web.BaseRequest,
        received: Received,
        parsed: Request,
        decision: Decision,
        exchange: Exchange,
    ) -> web.StreamResponse:
        headers = passed_on(request.headers.items())
        body: bytes | None = received.body
        failures = decision.failures if parsed.batch is not None else {}
        if parsed.batch is not None and failures:
            body = parsed.batch.without(failures.keys())
            headers["Accept-Encoding"] = "identity"  # the shim must read the response
            if body is None:
                reply = _failure_response(parsed, parsed.batch.respond(None, failures))
                return await self._send(request, decision, exchange, reply)
        assert body is not None  # noqa: S101 - for the type checker: see above
        if decision.lag_s is not None and parsed.index is not None:
            table = parsed.document["TableName"]
            name = await self._indexes.stand_in(table, received.headers, decision.lag_s)
            body = msgspec.json.encode({**parsed.document, "TableName": name})
        exchange = msgspec.structs.replace(exchange, forwarded=True)
        async with contextlib.AsyncExitStack() as stack:
            async with self._noting_writes(received, parsed):
                response = await stack.enter_async_context(
                    self._upstream.send(received.method, received.target, headers, body)
                )
            exchange = msgspec.structs.replace(exchange, status=response.status)
            if decision.ending is None and not failures:
                await self._wait(decision.delay_after_s)
                return await self._stream(request, exchange, response)
            document = await response.read()
            if parsed.batch is not None and failures and response.status == 200:
                document = parsed.batch.respond(document, failures)
            headers = passed_on(response.headers.items())
            reply = ProxyResponse(status=response.status, headers=headers, body=document)
        return await self._send(request, decision, exchange, reply)

    @contextlib.asynccontextmanager
    async def _noting_writes(self, received: Received, parsed: Request) -> AsyncIterator[None]:
        """Wraps a call to upstream; records a write to a table whose indexes lag."""
        tables = [table for table in parsed.targets if self._lags(table)]
        if parsed.service != "dynamodb" or parsed.operation not in _WRITES or not tables:
            yield
            return
        async with self._indexes.around_write(tables, received.headers, parsed.document):
            yield

    def _lags(self, table: str) -> bool:
        return any(
            isinstance(rule.fault, LagIndex) and fnmatchcase(table, rule.target or "*")
            for rule in self._fault_plan.rules
        )

    async def _stream(
        self, request: web.BaseRequest, exchange: Exchange, response: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        """Streams a response to the client: it may be large, or go on for minutes."""
        self.record.add(msgspec.structs.replace(exchange, returned=response.status))
        passing = web.StreamResponse(
            status=response.status,
            reason=response.reason,
            headers=passed_on(response.headers.items()),
        )
        try:
            await passing.prepare(request)
            async for chunk in response.content.iter_any():
                await passing.write(chunk)
            await passing.write_eof()
        except aiohttp.ClientError:  # either side disconnected midway
            return ended(request, "reset")
        return passing

    async def _send(
        self, request: web.BaseRequest, decision: Decision, exchange: Exchange, reply: ProxyResponse
    ) -> web.StreamResponse:
        """Sends a complete response, or the part of it that the fault allows."""
        await self._wait(decision.delay_after_s)
        ending = decision.ending
        if isinstance(ending, CutResponse):
            self.record.add(exchange)
            if ending.after_bytes is None:
                return ended(request, ending.by)
            return await cut_off(request, reply, ending.after_bytes)
        if isinstance(ending, ReplaceResponse):
            reply = replaced(reply, ending)
        self.record.add(msgspec.structs.replace(exchange, returned=reply.status))
        return complete(reply)


def _failure_response(parsed: Request, body: bytes) -> ProxyResponse:
    """A successful response for a batch whose entries all fail, as AWS sends it."""
    content_type = {
        "opensearch": "application/json",
        "kinesis": "application/x-amz-json-1.1",
    }.get(parsed.service, "application/x-amz-json-1.0")
    return ProxyResponse(status=200, headers=CIMultiDict({"Content-Type": content_type}), body=body)
