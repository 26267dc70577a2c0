"""The breaks of tests/mutations/ can still be made: whoever changes such code brings them along."""

from __future__ import annotations

import ast

import pytest

from tests.mutations.breaks import BREAKS, GUARANTEES, Break
from tests.mutations.running import times_found
from tests.support.source_tree import ROOT, syntax_of


def name(one: Break) -> str:
    return one.name


@pytest.mark.parametrize("one", BREAKS, ids=name)
def test_what_it_breaks_stands_there_once(one: Break) -> None:
    assert times_found(one) == 1


@pytest.mark.parametrize("one", BREAKS, ids=name)
def test_the_broken_code_can_be_read(one: Break) -> None:
    whole = (ROOT / one.file).read_text(encoding="utf-8")
    broken = whole.replace(one.text, one.replacement)

    assert broken != whole
    if one.file.endswith(".py"):  # others: what reads them says whether they can be read
        assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(whole))


@pytest.mark.parametrize("one", BREAKS, ids=name)
def test_the_tests_meant_for_it_are_there(one: Break) -> None:
    for test in one.tests:
        path, _, function = test.partition("::")
        defined = {
            node.name
            for node in syntax_of(ROOT / path).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }

        assert function in defined


def test_every_guarantee_is_broken_and_every_break_has_a_name_of_its_own() -> None:
    assert {one.guarantee for one in BREAKS} == set(GUARANTEES)
    assert len({one.name for one in BREAKS}) == len(BREAKS)
