"""The rights and limits of roles in docs/security.md are those of the code."""

from __future__ import annotations

from delivery_lambda.access import CALLERS, DECLARABLE
from delivery_lambda.routes import DECLARE_EVENT, ROUTES
from rtdts.tracking.roles import ROLES
from tests.support.security_document import DOCUMENT, SEEN, access_table, quota_table

RENEW = "to renew the tables: python -m tests.support.security_document"


def test_the_tables_of_the_security_document_are_up_to_date() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert access_table() in text, RENEW
    assert quota_table() in text, RENEW


def test_each_route_names_its_callers() -> None:
    assert CALLERS.keys() == set(ROUTES)
    assert DECLARABLE.keys() == set(CALLERS[DECLARE_EVENT])
    assert SEEN.keys() == set(ROLES)
