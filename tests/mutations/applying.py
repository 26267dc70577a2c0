"""One break of the code, and how it is applied to a source.

Python is broken in the text that `ast.unparse` writes of it: one line per statement, no comments,
single quotes. So a break still applies when a source is reformatted, a comment moves or a line
is wrapped, and it contains no more of the source than it changes. (Patterns of ast-grep and LibCST
match complete nodes: a keyword argument, half of a condition or one ``except`` would need context.)
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from pathlib import Path

from tests.support.source_tree import ROOT

_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Change:
    """The change that a break makes, without its name and its file."""

    guarantee: Guarantee
    text: str
    """The text to replace; it occurs exactly once in the file as `readable` returns it."""
    replacement: str
    test_names: tuple[str, ...]
    """Each of these tests must fail (of one with parameters: any of its cases).

    A test is named with its file, as by pytest, only if two tests have the same name.
    """


@dataclasses.dataclass(frozen=True)
class Guarantee:
    """One of the eight guarantees (docs/architecture.md). A call creates a change against it."""

    number: int

    def __call__(self, text: str, replacement: str, *test_names: str) -> Change:
        return Change(self, text, replacement, test_names)


DURABLE = Guarantee(1)
"""An accepted point is durable; later it is in the history exactly once, or parked."""
LATEST = Guarantee(2)
"""A truck's latest position never goes back."""
TIMELINE = Guarantee(3)
"""Whatever the order, the log folds to the timeline; it only grows, without gaps."""
ENTITLED = Guarantee(4)
"""Nothing of a delivery is sent to a viewer without the right to it at that moment."""
MINUTE = Guarantee(5)
"""A viewer receives something of each tracked delivery at least once a minute."""
ISOLATED = Guarantee(6)
"""One slow, dead or hostile viewer, truck or record delays no other."""
RESTARTED = Guarantee(7)
"""Any process of ours may be killed at any moment: nothing is lost."""
ERASED = Guarantee(8)
"""What was erased is in no store, and nothing else is touched."""
GUARANTEES = (DURABLE, LATEST, TIMELINE, ENTITLED, MINUTE, ISOLATED, RESTARTED, ERASED)


@dataclasses.dataclass(frozen=True)
class Break:
    """One break of the code."""

    name: str
    file: str
    change: Change

    @property
    def tests(self) -> tuple[str, ...]:
        """Its tests as pytest names them; a name that is not unique or not found is unchanged."""
        found = [(name, pytest_ids(name)) for name in self.change.test_names]
        return tuple(ids[0] if len(ids) == 1 else name for name, ids in found)


def pytest_ids(test: str) -> list[str]:
    """Returns every test with a name, with its file."""
    file, _, name = test.rpartition("::")
    return [f"{path}::{name}" for path in _files_by_test().get(name, ()) if file in ("", path)]


@functools.cache
def readable(file: Path) -> str:
    """Returns a file as breaks see it: Python as `ast.unparse` writes it, others unchanged."""
    text = file.read_text(encoding="utf-8")
    return ast.unparse(ast.parse(text)) if file.suffix == ".py" else text


def broken(one: Break, root: Path = ROOT) -> list[str]:
    """Returns the file's text after the break, once for each place where it applies.

    A break should apply in exactly one place. In the text to replace and its replacement, all lines
    after the first are written as if the first were not indented.
    """
    file = root / one.file
    text = readable(file) if file.is_file() else ""
    found = []
    for match in re.finditer(re.escape(one.change.text.partition("\n")[0]), text):
        start = match.start()
        line = text[text.rfind("\n", 0, start) + 1 :]
        newline = "\n" + " " * (len(line) - len(line.lstrip(" ")))
        replaced = one.change.text.replace("\n", newline)
        if text.startswith(replaced, start):
            replacement = one.change.replacement.replace("\n", newline)
            found.append(text[:start] + replacement + text[start + len(replaced) :])
    return found


@functools.cache
def _files_by_test() -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in _TEST.findall(path.read_text(encoding="utf-8")):
            files.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return files
