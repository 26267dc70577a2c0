"""The processes in which the local WebSocket gateway runs Lambdas."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sim.local_cloud.socket_gateway.definitions import FunctionError
from sim.local_cloud.socket_gateway.functions import FunctionCode, Functions
from tests.support.waiting import SHORT_DEADLINE_S

SOURCE = """
import json, os, pathlib, time

HERE = pathlib.Path(__file__).parent
with (HERE / "starts").open("a") as starts:
    starts.write("x")
while (HERE / "wait").exists():
    time.sleep(0.01)

def handle(event, context):
    if "raises" in event:
        raise ValueError(event["raises"])
    if "exits" in event:
        os._exit(3)
    if "hangs" in event:
        time.sleep(3600)
    print("received", event)
    return {"pid": os.getpid(), "of": context.aws_request_id, "name": os.environ["NAME"]}
"""


@asynccontextmanager
async def running(
    folder: Path, *, handler: str = "app.handle", timeout_s: float = 60.0, wait_s: float = 60.0
) -> AsyncIterator[tuple[Functions, list[str]]]:
    (folder / "app.py").write_text(SOURCE)
    lines: list[str] = []

    async def fetch(arn: str) -> FunctionCode:
        return FunctionCode(
            name=arn,
            handler=handler,
            folder=folder,
            variables={"NAME": "n"},
            timeout_s=timeout_s,
            memory_mb=128,
        )

    functions = Functions(
        fetch,
        python=sys.executable,
        workers_per_function=2,
        on_line=lambda name, line: lines.append(f"{name}: {line}"),
        timeout_s=wait_s,
    )
    try:
        yield functions, lines
    finally:
        await functions.stop()


async def test_events_are_handled_by_the_same_process(tmp_path: Path) -> None:
    async with running(tmp_path) as (functions, _):
        one = await functions.invoke("f", {}, "r1")
        other = await functions.invoke("f", {}, "r2")

    assert (one["of"], other["of"], one["name"]) == ("r1", "r2", "n")
    assert one["pid"] == other["pid"]


async def test_the_output_of_a_handler_is_in_its_log(tmp_path: Path) -> None:
    async with running(tmp_path) as (functions, lines):
        await functions.invoke("f", {"a": 1}, "r")

    assert "f: received {'a': 1}" in lines


async def test_an_exception_of_a_handler_is_reported_and_its_process_continues(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (functions, _):
        before = await functions.invoke("f", {}, "r")
        error = await functions.invoke("f", {"raises": "broken"}, "r")
        after = await functions.invoke("f", {}, "r")

    assert error == FunctionError("broken")
    assert before["pid"] == after["pid"]


async def test_a_process_that_exits_is_replaced(tmp_path: Path) -> None:
    async with running(tmp_path) as (functions, _):
        error = await functions.invoke("f", {"exits": True}, "r")
        after = await functions.invoke("f", {}, "r")

    assert isinstance(error, FunctionError)
    assert after["of"] == "r"


async def test_an_invocation_beyond_its_timeout_ends_with_an_error(tmp_path: Path) -> None:
    async with running(tmp_path, timeout_s=1.0) as (functions, lines):
        error = await functions.invoke("f", {"hangs": True}, "r")

    assert error == FunctionError("Task timed out after 1.00 seconds")
    assert any("r Task timed out" in line for line in lines)


async def test_a_function_that_cannot_be_started_is_an_error_without_a_timeout(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, handler="app.nothing") as (functions, _):
        error = await functions.invoke("f", {}, "r")

    assert isinstance(error, FunctionError)
    assert "nothing" in error.message


async def test_a_process_that_starts_too_slowly_for_one_event_handles_the_next_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "wait").touch()
    async with running(tmp_path, wait_s=0.2) as (functions, _):
        responses = [await functions.invoke("f", {}, "r")]
        (tmp_path / "wait").unlink()
        async with asyncio.timeout(SHORT_DEADLINE_S):
            while isinstance(responses[-1], FunctionError):
                responses.append(await functions.invoke("f", {}, "r"))

    assert responses[0] == FunctionError("Endpoint request timed out")
    assert (tmp_path / "starts").read_text() == "x"
