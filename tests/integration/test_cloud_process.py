"""The demo's local cloud as a process: ready, failed, stopped, and never left behind."""

import asyncio
import os
import signal
import sys
import textwrap
import time

import pytest

from sim.drive import cloud_process
from sim.drive.cloud_process import CloudFailedError, CloudProcess


def program(source: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(source)]


SERVES = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("stopping")))
    print("starting", file=sys.stderr)
    print("READY")
    while True:
        time.sleep(60)
"""


async def test_it_is_ready_when_it_says_so_and_stops_when_told() -> None:
    lines: list[str] = []
    cloud = await CloudProcess.start(program(SERVES), lines.append)
    await cloud.ready()
    code = await cloud.stop()

    assert code == 0
    assert "starting" in lines
    assert "READY" not in lines


async def test_what_it_says_before_it_fails_is_heard_before_the_failure() -> None:
    lines: list[str] = []
    source = "import sys; print('port 9200 is taken', file=sys.stderr); sys.exit(3)"
    cloud = await CloudProcess.start(program(source), lines.append)

    with pytest.raises(CloudFailedError) as failed:
        await cloud.ready()

    assert failed.value.code == 3
    assert lines == ["port 9200 is taken"]
    assert await cloud.stop() == 3


async def test_an_end_after_ready_is_a_failure_too() -> None:
    cloud = await CloudProcess.start(program("print('READY')"), lambda _: None)
    await cloud.ready()

    with pytest.raises(CloudFailedError):
        await cloud.failure()

    await cloud.stop()


async def test_one_that_will_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_process, "STOP_WITHIN_S", 0.3)
    source = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("READY")
        while True:
            time.sleep(60)
    """
    cloud = await CloudProcess.start(program(source), lambda _: None)
    await cloud.ready()

    assert await cloud.stop() == -signal.SIGKILL


async def test_ctrl_c_does_not_reach_it() -> None:
    lines: list[str] = []
    source = (
        "import os; print(os.getsid(0) == os.getpid()); print('READY'); import time; time.sleep(60)"
    )
    cloud = await CloudProcess.start(program(source), lines.append)
    await cloud.ready()
    await cloud.stop()

    assert lines == ["True"]


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
async def test_it_ends_when_the_demo_is_killed() -> None:
    demo = await asyncio.create_subprocess_exec(
        *program("""
            import asyncio, sys
            from sim.drive.cloud_process import CloudProcess

            async def main():
                source = "import os, time; print(os.getpid()); time.sleep(60)"
                command = [sys.executable, "-u", "-c", source]
                await CloudProcess.start(command, lambda line: print(line, flush=True))
                await asyncio.sleep(60)

            asyncio.run(main())
        """),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert demo.stdout is not None
    cloud_pid = int(await demo.stdout.readline())
    demo.kill()
    await demo.wait()

    assert await asyncio.to_thread(_ends, cloud_pid, within_s=10.0)


def _ends(pid: int, *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
