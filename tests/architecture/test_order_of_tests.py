"""The lists that order the tests contain existing files and all folders."""

from __future__ import annotations

import pytest

from tests.support.distribution import FOLDERS, LONG
from tests.support.source_tree import ROOT

TESTS = ROOT / "tests"


@pytest.mark.parametrize("name", LONG)
def test_each_file_in_the_list_of_long_tests_exists(name: str) -> None:
    assert list(TESTS.glob(f"*/{name}.py"))


def test_every_folder_of_tests_is_in_the_order() -> None:
    assert {file.relative_to(TESTS).parts[0] for file in TESTS.rglob("test_*.py")} == set(FOLDERS)
