"""The breaks in tests/mutations/ still apply: a change of such code must update them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutations.applying import DURABLE, GUARANTEES, Break, broken, pytest_ids, readable
from tests.mutations.breaks.index import BREAKS
from tests.support.source_tree import ROOT


def name(one: Break) -> str:
    return one.name


@pytest.mark.parametrize("one", BREAKS, ids=name)
def test_a_break_applies_once_and_leaves_valid_syntax(one: Break) -> None:
    texts = broken(one)
    whole = readable(ROOT / one.file)

    assert len(texts) == 1, f"see: python -m tests.mutations --show {one.file}"
    (text,) = texts
    assert text != whole
    if one.file.endswith(".py"):  # other formats: `broken` parses them
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(whole))


@pytest.mark.parametrize("one", BREAKS, ids=name)
def test_each_test_that_a_break_names_exists_once(one: Break) -> None:
    assert one.change.test_names
    for test in one.change.test_names:
        assert len(pytest_ids(test)) == 1, test


def test_every_guarantee_has_a_break_and_break_names_are_unique() -> None:
    assert {one.change.guarantee for one in BREAKS} == set(GUARANTEES)
    assert len({one.name for one in BREAKS}) == len(BREAKS)


def test_a_break_applies_however_its_source_is_formatted(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text(
        """\
def put(queue, one):
    if (
        one
        and queue
    ):  # a comment
        queue.add("it",
            one)
        return 1_000
    return 0
"""
    )
    one = Break(
        "counts-more",
        "source.py",
        DURABLE("queue.add('it', one)\nreturn 1000", "for _ in queue:\n    return 0"),
    )

    (text,) = broken(one, tmp_path)

    assert ast.dump(ast.parse(text)) == ast.dump(
        ast.parse(
            "def put(queue, one):\n"
            "    if one and queue:\n"
            "        for _ in queue:\n"
            "            return 0\n"
            "    return 0\n"
        )
    )


def test_a_break_of_code_that_occurs_twice_applies_to_each_occurrence(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text("a = 1\nif a:\n    a = 1\n")

    assert broken(Break("two", "source.py", DURABLE("a = 1", "a = 2")), tmp_path) == [
        "a = 2\nif a:\n    a = 1",
        "a = 1\nif a:\n    a = 2",
    ]
