"""The lists by which the tests are put in order name what exists."""

from __future__ import annotations

import pytest

from tests.support.distribution import FOLDERS, LONG
from tests.support.source_tree import ROOT

TESTS = ROOT / "tests"


@pytest.mark.parametrize("name", LONG)
def test_a_file_that_is_called_long_exists(name: str) -> None:
    assert list(TESTS.glob(f"*/{name}.py"))


def test_every_folder_of_tests_has_its_place() -> None:
    assert {file.relative_to(TESTS).parts[0] for file in TESTS.rglob("test_*.py")} == set(FOLDERS)
