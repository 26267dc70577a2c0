"""docs/settings.md lists every setting as it is declared, and no other."""

from __future__ import annotations

import re

import pytest

from rtdts.runtime.settings import declared_settings
from tests.support.settings_document import DOCUMENT, SECTIONS, settings_of, settings_table


@pytest.mark.parametrize("section", SECTIONS)
def test_a_table_of_settings_is_up_to_date(section: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert f"## `{section}`\n" in text
    assert settings_table(settings_of(section)) in text, (
        "to renew the tables: python -m tests.support.settings_document"
    )


def test_exactly_the_declared_settings_are_documented() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    declared = [
        setting.env
        for section in SECTIONS
        for _, setting in declared_settings(settings_of(section))
    ]

    assert sorted(documented) == sorted(declared)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_has_a_help_text(section: str) -> None:
    for _, declared in declared_settings(settings_of(section)):
        assert declared.help, declared.env
        assert "|" not in declared.help, declared.env
