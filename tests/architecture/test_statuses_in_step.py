"""The clients' lists of statuses, declarations and failure codes are those of the code."""

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
        ("web/console/service.ts", "export const DECLARATIONS =", ";", DeclaredType),
        ("web/console/service.ts", "export const FAILURE_CODES =", ";", FailureCode),
        ("rtdts_client/messages.py", "status: One of", "effective_at:", Status),
    ],
    ids=["open", "CLOSED_STATUSES", "DECLARATIONS", "FAILURE_CODES", "docstring"],
)
def test_a_clients_list_of_codes_is_the_enum_in_the_code(
    path: str, start: str, end: str, codes: Iterable[str]
) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.count(start) == 1, f"{path} must have one list that begins with {start!r}"
    listed = text.split(start)[1].split(end)[0]
    found = set(re.findall(r"(?:'|``)([a-z_]+)(?:'|``)", listed))
    expected = {str(code) for code in codes}

    missing, unknown = sorted(expected - found), sorted(found - expected)
    assert not missing, f"{path}: {missing} missing after {start!r}"
    assert not unknown, (
        f"{path}: {unknown} after {start!r}, but not in rtdts/tracking/deliveries.py"
    )
