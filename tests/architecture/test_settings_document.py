"""docs/settings.md names every setting as it is declared, and no other."""

from __future__ import annotations

import re

import pytest

from rtdts.runtime.settings import declared_settings
from tests.support.settings_document import DOCUMENT, settings_of, settings_table
from tests.support.source_tree import DEPLOYABLES


@pytest.mark.parametrize("deployable", DEPLOYABLES)
def test_a_settings_table_is_as_declared(deployable: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert f"## `{deployable}`\n" in text
    assert settings_table(settings_of(deployable)) in text, (
        "to renew the tables: python -m tests.support.settings_document"
    )


def test_no_setting_is_documented_that_nobody_reads() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    declared = [
        setting.env
        for deployable in DEPLOYABLES
        for _, setting in declared_settings(settings_of(deployable))
    ]

    assert documented == declared


@pytest.mark.parametrize("deployable", DEPLOYABLES)
def test_every_setting_says_what_it_is(deployable: str) -> None:
    for _, declared in declared_settings(settings_of(deployable)):
        assert declared.help, declared.env
        assert "|" not in declared.help, declared.env
