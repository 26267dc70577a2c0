"""The demo's local cloud as a process: ready, failed, stopped, and never left behind."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from sim.local_cloud import launch
from sim.local_cloud.launch import CloudFailedError, CloudProcess
from tests.support.parts import is_running
from tests.support.waiting import SHORT_DEADLINE_S, eventually


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


def test_the_cloud_is_ready_when_it_prints_so_and_stops_on_request() -> None:
    lines: list[str] = []
    cloud = CloudProcess(program(SERVES), lines.append)
    cloud.wait_until_ready()
    code = cloud.stop()

    assert code == 0
    assert "starting" in lines
    assert "READY" not in lines


def test_output_before_a_failure_is_passed_on_before_the_failure_is_raised() -> None:
    lines: list[str] = []
    source = "import sys; print('port 9200 is taken', file=sys.stderr); sys.exit(3)"
    cloud = CloudProcess(program(source), lines.append)

    with pytest.raises(CloudFailedError) as failed:
        cloud.wait_until_ready()

    assert failed.value.code == 3
    assert lines == ["port 9200 is taken"]
    assert cloud.stop() == 3


def test_the_end_of_a_cloud_that_was_ready_is_detected() -> None:
    cloud = CloudProcess(program("print('READY')"), lambda _: None)
    cloud.wait_until_ready()

    assert cloud.wait(timeout_s=SHORT_DEADLINE_S) == 0
    assert cloud.stop() == 0


def test_a_cloud_that_ignores_the_request_to_stop_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "STOP_WITHIN_S", 0.3)
    source = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("READY")
        while True:
            time.sleep(60)
    """
    cloud = CloudProcess(program(source), lambda _: None)
    cloud.wait_until_ready()

    assert cloud.stop() == -signal.SIGKILL


def test_the_cloud_runs_in_its_own_session_so_that_ctrl_c_does_not_reach_it() -> None:
    lines: list[str] = []
    source = (
        "import os; print(os.getsid(0) == os.getpid()); print('READY'); import time; time.sleep(60)"
    )
    cloud = CloudProcess(program(source), lines.append)
    cloud.wait_until_ready()
    cloud.stop()

    assert lines == ["True"]


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_cloud_ends_when_the_demo_is_killed() -> None:
    demo = subprocess.Popen(
        program("""
            import sys, time
            from sim.local_cloud.launch import CloudProcess

            source = "import os, time; print(os.getpid()); time.sleep(60)"
            command = [sys.executable, "-u", "-c", source]
            CloudProcess(command, lambda line: print(line, flush=True))
            time.sleep(60)
        """),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert demo.stdout is not None
    cloud_pid = int(demo.stdout.readline())
    demo.kill()
    demo.wait()
    demo.stdout.close()

    eventually(lambda: not is_running(cloud_pid), SHORT_DEADLINE_S)
