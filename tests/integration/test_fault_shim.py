"""The fault shim at its sockets: it forwards requests unchanged unless a rule applies."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    FailItems,
    FaultPlan,
    FaultRule,
    Reject,
    ReplaceResponse,
)
from sim.fault_shim.shim import FaultShim
from tests.support.source_tree import ROOT
from tests.support.waiting import SHORT_DEADLINE_S

RESPONSE = b'{"took": 1, "items": "all of them"}'


class Echo:
    """An upstream that keeps the requests that it receives."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, list[tuple[str, str]], bytes]] = []
        self.status = 200
        self.headers = {"X-Upstream": "Yes", "Content-Type": "application/x-amz-json-1.1"}
        self.body = RESPONSE

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        headers = list(request.headers.items())
        self.received.append((request.method, request.raw_path, headers, body))
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@asynccontextmanager
async def shim_before(echo: Echo, *rules: FaultRule) -> AsyncIterator[FaultShim]:
    server = web.Server(echo.handle, auto_decompress=False)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with FaultShim(f"http://{host}:{port}", rules) as shim:
            yield shim
    finally:
        await runner.cleanup()


async def raw(shim: FaultShim, request: bytes) -> bytes:
    """Sends a request on a new connection, and returns everything received until it ends."""
    port = int(shim.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_a_request_is_forwarded_byte_for_byte() -> None:
    echo = Echo()
    body = bytes(range(256)) * 5000
    head = (
        b"POST /a%%2Fb/@x//%%C3%%A9?q=%%20+&r=/%%2F HTTP/1.1\r\n"
        b"Host: bucket.example.com:1234\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/20261124/eu/sqs/aws4_request\r\n"
        b"X-Twice: 1\r\nX-Twice: 2\r\n"
        b"Content-Encoding: gzip\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Connection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    async with shim_before(echo) as shim:
        response = await raw(shim, head + body)

    ((method, path, headers, received),) = echo.received
    assert (method, path) == ("POST", "/a%2Fb/@x//%C3%A9?q=%20+&r=/%2F")
    assert received == body
    assert [pair for pair in headers if pair[0].lower() != "connection"] == [
        ("Host", "bucket.example.com:1234"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261124/eu/sqs/aws4_request"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("Content-Encoding", "gzip"),
        ("Accept-Encoding", "identity"),
        ("Content-Length", str(len(body))),
    ]
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"X-Upstream: Yes\r\n" in response
    assert response.endswith(b"\r\n\r\n" + RESPONSE)


@pytest.mark.parametrize("status", [204, 304, 404, 500])
async def test_a_response_is_returned_with_its_status_and_body(status: int) -> None:
    echo = Echo()
    echo.status = status
    echo.body = b"" if status in (204, 304) else b"no"
    async with shim_before(echo) as shim, aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.get(shim.url) as response:
                assert (response.status, await response.read()) == (status, echo.body)


async def test_the_content_length_of_a_response_without_a_body_is_returned() -> None:
    async with (
        shim_before(Echo()) as shim,
        aiohttp.ClientSession() as session,
        session.head(shim.url) as response,
    ):
        assert response.headers["Content-Length"] == str(len(RESPONSE))


async def test_a_request_that_a_rule_rejects_never_reaches_upstream() -> None:
    echo = Echo()
    rule = FaultRule(
        name="gone",
        operation="PostToConnection",
        ids="dead*",
        fault=Reject(status=410, code="GoneException", message="gone"),
    )
    async with shim_before(echo, rule) as shim, aiohttp.ClientSession() as session:
        async with session.post(f"{shim.url}/live/@connections/dead%3D") as response:
            received = (
                response.status,
                response.headers["x-amzn-ErrorType"],
                await response.json(),
            )
        async with session.post(f"{shim.url}/live/@connections/alive") as response:
            assert response.status == 200
        record = shim.record

    assert received == (410, "GoneException", {"message": "gone"})
    assert [path for _, path, _, _ in echo.received] == ["/live/@connections/alive"]
    assert [
        (one.applied_rules, one.forwarded, one.returned) for one in record.of("PostToConnection")
    ] == [
        (("gone",), False, 410),
        ((), True, 200),
    ]


async def test_a_dropped_request_does_not_reach_upstream_but_one_with_a_lost_response_does() -> (
    None
):
    echo = Echo()
    async with shim_before(echo) as shim, aiohttp.ClientSession() as session:
        for fault, made in (
            (Drop(), 0),
            (Drop(by="close"), 0),
            (CutResponse(by="close"), 1),
            (CutResponse(), 2),
        ):
            await shim.set_rules(FaultRule(name="r", fault=fault, times=1))
            with pytest.raises(aiohttp.ClientError):
                async with session.post(shim.url, data=b"x"):
                    pass
            assert len(echo.received) == made
            assert shim.record.exchanges[-1].returned is None
            assert shim.record.exchanges[-1].forwarded is isinstance(fault, CutResponse)


async def test_a_cut_response_has_the_full_content_length_but_ends_early() -> None:
    rule = FaultRule(name="cut", fault=CutResponse(after_bytes=9))
    async with shim_before(Echo(), rule) as shim:
        response = await raw(shim, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    head, _, body = response.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(RESPONSE)}".encode() in head
    assert body == RESPONSE[:9]


async def test_a_replaced_response_is_returned_after_upstream_handled_the_request() -> None:
    echo = Echo()
    rule = FaultRule(name="wrong", fault=ReplaceResponse(status=502, body="<html>"))
    async with (
        shim_before(echo, rule) as shim,
        aiohttp.ClientSession() as session,
        session.post(shim.url, data=b"x") as response,
    ):
        received = (response.status, await response.text(), response.headers["X-Upstream"])

    assert received == (502, "<html>", "Yes")
    assert len(echo.received) == 1


async def test_a_slow_response_delays_neither_other_requests_nor_the_shutdown() -> None:
    rule = FaultRule(name="slow", path="/slow", fault=Delay(seconds=3600))
    async with shim_before(Echo(), rule) as shim, aiohttp.ClientSession() as session:
        slow = asyncio.create_task(session.get(f"{shim.url}/slow").__aenter__())
        for _ in range(20):
            async with session.get(f"{shim.url}/quick") as response:
                assert response.status == 200
        assert not slow.done()
        slow.cancel()


async def test_a_request_that_upstream_does_not_respond_to_is_not_repeated() -> None:
    class Dying(Echo):
        async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
            response = await super().handle(request)
            assert request.transport is not None
            request.transport.abort()
            return response

    echo = Dying()
    async with shim_before(echo) as shim:
        response = await raw(shim, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")

    assert response == b""
    assert len(echo.received) == 1


async def test_a_response_that_upstream_truncates_is_an_error_for_the_client() -> None:
    class DyingMidway(Echo):
        async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
            part = web.StreamResponse(headers={"Content-Length": "1000"})
            await part.prepare(request)
            await part.write(b"begun")
            assert request.transport is not None
            request.transport.close()
            return part

    async with shim_before(DyingMidway()) as shim, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.post(shim.url) as response:
                await response.read()

    assert len(shim.record.exchanges) == 1


async def test_a_task_that_waits_on_the_record_is_woken() -> None:
    async with shim_before(Echo()) as shim, aiohttp.ClientSession() as session:
        twice = asyncio.create_task(shim.record.until(lambda record: len(record.of("GET /*")) == 2))
        for path in ("a", "b"):
            assert not twice.done()
            async with session.get(f"{shim.url}/{path}"):
                pass
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await twice


async def test_an_unreachable_upstream_is_a_connection_error_for_the_client() -> None:
    async with FaultShim("http://127.0.0.1:1") as shim, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(shim.url)

    assert [one.returned for one in shim.record.exchanges] == [None]


async def test_a_batch_whose_entries_all_fail_is_not_forwarded() -> None:
    echo = Echo()
    rule = FaultRule(name="all", fault=FailItems(code="circuit_breaking_exception"))
    body = b'{"delete":{"_index":"i","_id":"1"}}\n'
    async with (
        shim_before(echo, rule) as shim,
        aiohttp.ClientSession() as session,
        session.post(f"{shim.url}/_bulk", data=body) as response,
    ):
        received = await response.json()

    assert not echo.received
    assert received["items"][0]["delete"]["error"]["type"] == "circuit_breaking_exception"


async def test_the_fault_plan_can_be_changed_while_the_shim_runs() -> None:
    fault_plan = FaultPlan(
        rules=(FaultRule(name="down", fault=Reject(status=503, code="x")),), seed=5
    )
    async with shim_before(Echo()) as shim, aiohttp.ClientSession() as session:

        async def status() -> int:
            async with session.get(shim.url) as response:
                return response.status

        control = f"{shim.url}/_faults"
        fair = await status()
        async with session.put(control, data=msgspec.json.encode(fault_plan)) as response:
            assert response.status == 200
        foul = await status()
        async with session.put(control, data=b'[{"name": "typo"}]') as response:
            rejected = (response.status, (await response.json())["error"])
        async with session.get(control) as response:
            received = await response.json()
        async with session.delete(control) as response:
            assert response.status == 200
        again = await status()

    assert (fair, foul, again) == (200, 503, 200)
    assert rejected[0] == 400
    assert "fault" in rejected[1]
    assert received["tallies"] == {"down": {"matched": 1, "applied": 1}}
    assert msgspec.convert(received["fault_plan"], FaultPlan) == fault_plan


async def test_the_shim_also_runs_as_a_process(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"name": "down", "fault": {"kind": "drop"}, "path": "/x"}]))
    command = [sys.executable, "-m", "sim.fault_shim", "--rules", str(rules)]
    async with TestServer(web.Application()) as upstream, aiohttp.ClientSession() as session:
        process = await asyncio.create_subprocess_exec(
            *command, "--upstream", str(upstream.make_url("")), cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(SHORT_DEADLINE_S):
            url = (await process.stdout.readline()).decode().strip()
            async with session.get(f"{url}/y") as response:
                assert response.status == 404
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"{url}/x")
            process.terminate()
            code = await process.wait()

    assert code == 0
