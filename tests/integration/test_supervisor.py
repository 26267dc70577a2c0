"""The supervisor with real processes: small Python programs that stand in for the parts."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sim.local_cloud.parts import Incarnation, Part, PartError, RestartPolicy
from sim.local_cloud.processes import find_leftovers, group_is_alive
from sim.local_cloud.run_dir import AlreadyRunningError, end_leftovers, hold_file, own_run_dir
from sim.local_cloud.supervisor import StopStage, Supervisor
from tests.support.waiting import SHORT_DEADLINE_S, until

WORKS = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WORKS
WITH_CHILD = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]);" + WORKS
)
DIES = "import sys; print('no disk left', flush=True); sys.exit(3)"


def says_ready(run: Incarnation) -> bool:
    return "ready" in run.output()


def part(
    program: str, *, name: str = "part", restarts: bool = True, within_s: float = SHORT_DEADLINE_S
) -> Part:
    return Part(
        name=name,
        command=[sys.executable, "-c", program],
        environment=dict(os.environ),
        is_ready=says_ready,
        ready_within_s=within_s,
        restarts=restarts,
    )


@pytest.fixture
def reported() -> list[str]:
    return []


@pytest.fixture
async def supervisor(tmp_path: Path, reported: list[str]) -> AsyncIterator[Supervisor]:
    policy = RestartPolicy(first_delay_s=0.01, max_delay_s=0.05, max_failures=3)
    supervisor = Supervisor(tmp_path, reported.append, policy=policy)
    yield supervisor
    await supervisor.stop_all()


def pid_of(run_dir: Path, name: str = "part") -> int:
    return int((run_dir / f"{name}.pid").read_text())


def pid_files(run_dir: Path) -> list[Path]:
    return list(run_dir.glob("*.pid"))


async def test_a_part_runs_in_its_own_session_and_its_pid_is_written(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(part(WORKS))

    pid = pid_of(tmp_path)
    assert os.getsid(pid) == os.getpgid(pid) == pid


async def test_a_killed_part_is_restarted_with_a_new_pid_and_the_same_log(
    supervisor: Supervisor, tmp_path: Path, reported: list[str]
) -> None:
    await supervisor.start(part(WORKS))
    first = pid_of(tmp_path)
    os.kill(first, signal.SIGKILL)
    await until(lambda: any("is back" in line for line in reported))

    assert pid_of(tmp_path) != first
    assert "killed by SIGKILL" in reported[0]
    assert (tmp_path / "part.log").read_text().count("ready") == 2


async def test_a_part_is_not_restarted_while_its_hold_file_exists(
    supervisor: Supervisor, tmp_path: Path, reported: list[str]
) -> None:
    await supervisor.start(part(WORKS))
    first = pid_of(tmp_path)
    hold = hold_file(tmp_path, "part")
    hold.touch()
    os.kill(first, signal.SIGTERM)
    await until(lambda: any("it stays down" in line for line in reported))

    assert not pid_files(tmp_path)

    hold.unlink()
    await until(lambda: any("is back" in line for line in reported))

    assert pid_of(tmp_path) != first


async def test_children_of_a_killed_part_do_not_outlive_it(
    supervisor: Supervisor, tmp_path: Path, reported: list[str]
) -> None:
    await supervisor.start(part(WITH_CHILD))
    first = pid_of(tmp_path)
    await until(lambda: (tmp_path / "part.log").read_text().count("ready") == 2)
    os.kill(first, signal.SIGKILL)
    await until(lambda: any("is back" in line for line in reported))

    assert not group_is_alive(first)


async def test_stopping_kills_parts_that_ignore_the_signal_and_leaves_no_process(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(part(STUBBORN, name="a"), part(WITH_CHILD, name="b"))
    groups = [pid_of(tmp_path, "a"), pid_of(tmp_path, "b")]
    await supervisor.stop_all([StopStage(("a",), 0.2), StopStage(("b",), 0.2)])

    assert not any(group_is_alive(group) for group in groups)
    assert not pid_files(tmp_path)


async def test_a_part_that_ends_before_it_is_ready_is_reported_with_its_output(
    supervisor: Supervisor,
) -> None:
    with pytest.raises(PartError, match=r"(?s)exit code 3.*no disk left") as failed:
        await supervisor.start(part(DIES))

    assert failed.value.part == "part"


async def test_a_part_that_is_not_ready_in_time_is_reported_and_ended(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(PartError, match="was not ready"):
        await supervisor.start(part("import time; time.sleep(600)", within_s=0.3))

    assert not pid_files(tmp_path)


async def test_the_end_of_a_part_that_cannot_be_restarted_is_a_failure(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(part(WORKS, restarts=False))
    os.kill(pid_of(tmp_path), signal.SIGKILL)
    async with asyncio.timeout(SHORT_DEADLINE_S):
        problem = await supervisor.failure()

    assert (problem.part, "died" in str(problem)) == ("part", True)


async def test_a_part_that_keeps_ending_is_not_restarted_forever(
    supervisor: Supervisor, tmp_path: Path, reported: list[str]
) -> None:
    once = tmp_path / "once"
    await supervisor.start(
        part(
            f"import pathlib; p = pathlib.Path({str(once)!r})\nif p.exists(): {DIES}\np.touch();"
            + WORKS
        )
    )
    os.kill(pid_of(tmp_path), signal.SIGKILL)
    async with asyncio.timeout(SHORT_DEADLINE_S):
        problem = await supervisor.failure()

    assert "given up after 3 attempts" in str(problem)


def test_a_run_folder_can_have_only_one_owner_at_a_time(tmp_path: Path) -> None:
    with (
        own_run_dir(tmp_path, print),
        pytest.raises(AlreadyRunningError, match=str(os.getpid())),
        own_run_dir(tmp_path, print),
    ):
        pass

    with own_run_dir(tmp_path, print):  # free again
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it (no command installs it)")
async def test_processes_of_an_earlier_owner_are_ended(
    supervisor: Supervisor, tmp_path: Path, reported: list[str]
) -> None:
    await supervisor.start(part(WITH_CHILD))
    await asyncio.to_thread(end_leftovers, tmp_path, reported.append)

    assert "left behind" in reported[0]
    await until(lambda: any("starting it again" in line for line in reported))


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
async def test_parts_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib, sys
sys.path.insert(0, {str(Path.cwd())!r})
from tests.integration.test_supervisor import WORKS, part
from sim.local_cloud.supervisor import Supervisor
async def main():
    supervisor = Supervisor(pathlib.Path({str(tmp_path)!r}), print)
    await supervisor.start(part(WORKS))
    print("started", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    await owner.stdout.readline()
    assert find_leftovers(tmp_path) == [pid_of(tmp_path)]
    owner.kill()
    await owner.wait()

    await until(lambda: not find_leftovers(tmp_path))


async def test_a_readiness_probe_that_raises_is_reported_at_once(supervisor: Supervisor) -> None:
    def breaks(_: Incarnation) -> bool:
        raise RuntimeError("no such field")

    broken = dataclasses.replace(part(WORKS), is_ready=breaks)

    with pytest.raises(PartError, match="no such field"):
        await supervisor.start(broken)
