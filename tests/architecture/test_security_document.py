"""docs/security.md states the roles' rights and limits as the code has them."""

from __future__ import annotations

from delivery_lambda.access import CALLERS, DECLARABLE
from delivery_lambda.routes import DECLARE_EVENT, ROUTES
from rtdts.tracking.roles import ROLES
from tests.support.security_document import DOCUMENT, SEEN, access_table, quota_table

RENEW = "to renew the tables: python -m tests.support.security_document"


def test_its_tables_are_the_codes() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert access_table() in text, RENEW
    assert quota_table() in text, RENEW


def test_each_route_names_its_callers() -> None:
    assert CALLERS.keys() == set(ROUTES)
    assert DECLARABLE.keys() == set(CALLERS[DECLARE_EVENT])
    assert SEEN.keys() == set(ROLES)
