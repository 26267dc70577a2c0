"""Lists of statuses, declarations and failure codes in clients and pages are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from rtdts.tracking.deliveries import CLOSED, DeclaredType, FailureCode, Status
from tests.support.source_tree import ROOT


@pytest.mark.parametrize(
    ("path", "start", "end", "codes"),
    [
        ("web/client/src/messages.ts", "export type Status =", ";", set(Status) - CLOSED),
        ("web/client/src/messages.ts", "export const CLOSED_STATUSES =", ";", CLOSED),
        (
            "web/console/service.ts",
            "DECLARATIONS =",
            "...CLOSED_STATUSES]",
            set(DeclaredType) - CLOSED,
        ),
        ("web/console/service.ts", "export const FAILURE_CODES =", ";", FailureCode),
        ("rtdts_client/messages.py", "status: One of", "effective_at:", Status),
        ("docs/tracking.md", "| `dwelt_at_destination` |\n", " | a person", CLOSED),
        ("docs/tracking.md", "**A declaration overrides", "are accepted", CLOSED),
        ("docs/architecture.md", "→ declared:", ".", CLOSED),
        ("docs/architecture.md", "Declarations override sensors:", "may be", CLOSED),
        ("docs/asyncapi.yaml", "    Status:\n", "are the *closed*", CLOSED),
        ("docs/openapi.yaml", "    Status:\n", "are the *closed*", CLOSED),
    ],
)
def test_each_list_of_codes_is_that_of_the_code(
    path: str, start: str, end: str, codes: Iterable[str]
) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.count(start) == 1, f"{path} must have one list that begins with {start!r}"
    listed = text.split(start)[1].split(end)[0]
    found = set(re.findall(r"['`]([a-z_]+)['`]", listed))
    expected = {str(code) for code in codes}

    missing, unknown = sorted(expected - found), sorted(found - expected)
    assert not missing, f"{path}: {missing} missing after {start!r}"
    assert not unknown, (
        f"{path}: {unknown} after {start!r}, but not in rtdts/tracking/deliveries.py"
    )
