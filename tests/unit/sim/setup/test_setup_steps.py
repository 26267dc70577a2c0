from __future__ import annotations

import io
from pathlib import Path

import pytest

from sim.setup.places import Places
from sim.setup.problems import SetupError
from sim.setup.steps import Step, Terminal, set_up


class FakeStep:
    def __init__(self, title: str, *, done: bool = False, fails: bool = False) -> None:
        self.title, self.done, self.fails, self.runs = title, done, fails, 0

    def do(self, places: Places, terminal: Terminal) -> None:
        self.runs += 1
        if self.fails:
            raise SetupError("no network", "plug it in")
        self.done = True

    def step(self) -> Step:
        return Step(self.title, lambda _: self.done, self.do)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(project=tmp_path / "tree", cache=tmp_path / "cache")


def run(places: Places, *fakes: FakeStep) -> str:
    output = io.StringIO()
    set_up(places, Terminal(output), [fake.step() for fake in fakes])
    return output.getvalue()


def test_only_missing_steps_are_run_and_reported(places: Places) -> None:
    there, missing = FakeStep("there", done=True), FakeStep("missing")

    output = run(places, there, missing)

    assert (there.runs, missing.runs) == (0, 1)
    assert "set-up 2/2: missing" in output
    assert "there" not in output


def test_nothing_is_printed_or_created_when_all_steps_are_done(places: Places) -> None:
    assert run(places, FakeStep("there", done=True)) == ""
    assert not places.cache.exists()


def test_a_failed_step_ends_the_run_and_the_next_run_continues_with_it(places: Places) -> None:
    first, second = FakeStep("first"), FakeStep("second", fails=True)

    with pytest.raises(SetupError, match="plug it in"):
        run(places, first, second)
    second.fails = False
    run(places, first, second)

    assert (first.runs, second.runs) == (1, 2)


def test_without_a_terminal_a_downloads_progress_is_printed_in_quarters() -> None:
    output = io.StringIO()
    terminal = Terminal(output)

    for done in range(101):
        terminal.progress(done * 2**20, 100 * 2**20)

    assert output.getvalue().split("\n") == [
        *(f"    {done} of 100 MB" for done in (25, 50, 75, 100)),
        "",
    ]
