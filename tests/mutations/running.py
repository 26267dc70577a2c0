"""Breaks a copy of the tree, and checks that the tests named by the break fail."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.mutations.applying import Break, broken
from tests.support.ministack_process import ministack_program
from tests.support.source_tree import ROOT

TEST_TIMEOUT_S = 60
"""Timeout of one test: a break may make it wait for ever, which counts as failed."""
RUN_TIMEOUT_S = 300
INSTALLED = (".venv", "web/node_modules")
"""Folders that git does not track and that are not changed here."""


class BreakError(Exception):
    """The break could not be tried; the text has the reason."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of one break."""

    name: str
    red: tuple[str, ...] = ()
    """The tests that failed, as they should."""
    blind: tuple[str, ...] = ()
    """The tests that should have failed, but passed."""
    problem: str = ""
    """Why the break could not be tried."""

    @property
    def is_detected(self) -> bool:
        """Whether every test that the break names failed."""
        return bool(self.red) and not self.blind and not self.problem


def try_break(one: Break, original: Path) -> Verdict:
    """Applies a break to a copy of the original, and runs the tests that it names there."""
    texts = broken(one, original)
    if len(texts) != 1:
        return Verdict(name=one.name, problem=f"stale: its text is found {len(texts)} times")
    with tempfile.TemporaryDirectory(prefix=f"break-{one.name}-") as folder:
        tree = Path(shutil.copytree(original, Path(folder) / "tree", symlinks=True))
        (tree / one.file).write_text(texts[0], encoding="utf-8")
        try:
            failed = failing_tests(tree, one.tests)
        except BreakError as error:
            return Verdict(name=one.name, problem=str(error))
    return Verdict(
        name=one.name,
        red=tuple(test for test in one.tests if test in failed),
        blind=tuple(test for test in one.tests if test not in failed),
    )


def failing_unbroken(breaks: Iterable[Break], original: Path) -> set[str]:
    """Returns the tests that fail without any break, so that their failure would prove nothing.

    Raises:
        BreakError: The tests could not be run.
    """
    return failing_tests(original, tuple({test: None for one in breaks for test in one.tests}))


@contextlib.contextmanager
def copied_tree() -> Iterator[Path]:
    """Copies the files of the work tree that git tracks or would add, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory(prefix="unbroken-") as folder:
        tree = Path(folder) / "tree"
        for name in listed.stdout.split("\0"):
            if name and (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        for name in INSTALLED:
            if (ROOT / name).is_dir():
                (tree / name).symlink_to(ROOT / name)
        yield tree


def failing_tests(tree: Path, tests: tuple[str, ...]) -> set[str]:
    """Returns which of these tests fail in a copy of the tree (any case of one with parameters).

    Raises:
        BreakError: They could not be run, or one of them did not.
    """
    report = tree.parent / "report.xml"
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    if (program := ministack_program()) is not None:
        environment["MINISTACK"] = str(program)
    command = [sys.executable, "-m", "pytest", "-q", "--hypothesis-profile=steady"]
    command += ["-p", "no:cacheprovider", "-o", f"timeout={TEST_TIMEOUT_S}"]
    command += [f"--junitxml={report}", *tests]
    try:
        ended = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise BreakError(f"the tests did not end within {RUN_TIMEOUT_S} s") from error
    if ended.returncode not in (0, 1):
        reported = _last_line(ended.stderr) or _last_line(ended.stdout)
        raise BreakError(f"pytest ended with {ended.returncode}: {reported}")
    ran, failed = _read(report, tree)
    if missing := [test for test in tests if test not in ran]:
        raise BreakError(f"not run: {', '.join(missing)}")
    return failed


def _read(report: Path, tree: Path) -> tuple[set[str], set[str]]:
    ran: set[str] = set()
    failed: set[str] = set()
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest's own report
        module, name = case.get("classname", ""), case.get("name", "").partition("[")[0]
        test = f"{module.replace('.', '/')}.py::{name}"
        if (tree / module.replace(".", "/")).with_suffix(".py").is_file():
            # A test that was skipped or failed in its set-up proves nothing.
            if case.find("skipped") is None and case.find("error") is None:
                ran.add(test)
            if case.find("failure") is not None:
                failed.add(test)
    return ran, failed


def _last_line(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
