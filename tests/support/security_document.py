"""The tables of docs/security.md, generated from the code.

``python -m tests.support.security_document`` writes them into the document.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence

from delivery_lambda.access import CALLERS, DECLARABLE
from delivery_lambda.routes import DECLARE_EVENT, ISSUE_TICKET
from ingest_lambda.request import SENDERS
from ingest_lambda.routes import OPEN_ROUTES, POST_TELEMETRY
from rtdts.runtime.settings import declared_settings
from rtdts.tracking.deliveries import DeclaredType
from rtdts.tracking.roles import CUSTOMER, DISPATCHER, TRUCK
from socket_lambda.admission import VIEWERS
from tests.support.source_tree import ROOT
from track_lambda.handler import CALLERS as TRACK_CALLERS
from track_lambda.routes import GET_TRACK

DOCUMENT = ROOT / "docs" / "security.md"
FLEET = "`track_fleet` on a socket"
ROLES = (DISPATCHER, CUSTOMER, TRUCK)
SEEN = {
    DISPATCHER: "every delivery",
    CUSTOMER: "its own deliveries",
    TRUCK: "the deliveries on it that are open or were closed within the last day",
}
"""The deliveries that a role may see: `delivery_lambda.access.may_see` in words."""

QUOTAS = (
    ("ingest_lambda.settings", "TRUCK_REQUESTS_PER_MINUTE", "truck", "429 with `Retry-After`"),
    ("ingest_lambda.settings", "TRUCK_POINTS_PER_MINUTE", "truck", "429 with `Retry-After`"),
    ("ingest_lambda.settings", "QUOTA_MINUTES", "truck", "none: it is the burst of both quotas"),
    ("ingest_lambda.settings", "MAX_BODY_BYTES", "request", "413"),
    (
        "delivery_lambda.settings",
        "REQUESTS_PER_MINUTE",
        "customer or truck",
        "429 with `Retry-After`",
    ),
    ("track_lambda.settings", "TRACK_PAGES_PER_MINUTE", "dispatcher", "429 with `Retry-After`"),
    ("delivery_lambda.settings", "MAX_OPEN_DELIVERIES", "truck", "409"),
    ("delivery_lambda.settings", "MAX_SHARES", "delivery", "409"),
    (
        "delivery_lambda.settings",
        "SHARE_TICKETS_PER_MINUTE",
        "share",
        "429 with `Retry-After`",
    ),
    (
        "socket_lambda.settings",
        "MAX_SOCKETS",
        "identity",
        "the oldest socket ends, with `too_many`",
    ),
    ("socket_lambda.settings", "CONNECTS_PER_MINUTE", "identity", "429"),
    (
        "socket_lambda.settings",
        "FRAMES_PER_MINUTE",
        "connection",
        "`too_many`, then the connection ends",
    ),
    ("socket_lambda.settings", "MAX_TRACKED", "connection", "`error` with `too_many`"),
)
"""Settings module, variable, what it counts per, and the response to an excess."""


def access_table() -> str:
    """Returns the table of permissions."""
    rows = ["| what | " + " | ".join(ROLES) + " |", "| --- |" + " --- |" * len(ROLES)]
    for what, roles in _access():
        cells = [_cell(what, role) if role in roles else "no" for role in ROLES]
        rows.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def quota_table() -> str:
    """Returns the table of quotas."""
    rows = ["| setting | default | per | response beyond it | meaning |", "| --- |" + " --- |" * 4]
    for module, name, per, response in QUOTAS:
        field, setting = next(
            one
            for one in declared_settings(importlib.import_module(module).Settings)
            if one[1].env == name
        )
        rows.append(f"| `{name}` | {field.default:,} | {per} | {response} | {setting.help} |")
    return "\n".join(rows) + "\n"


def write_tables(text: str) -> str:
    """Returns the document with its tables replaced by the generated ones.

    Raises:
        ValueError: A section is missing.
    """
    for title, table in (("Permissions", access_table()), ("Quotas", quota_table())):
        pattern = rf"(^## {title}\n.*?\n)(\|.*?\n)(?=\n|\Z)"
        match = re.search(pattern, text, re.M | re.S)
        if match is None:
            raise ValueError(f"docs/security.md has no section and table {title!r}")
        text = text[: match.start(2)] + table + text[match.end() :]
    return text


def _access() -> Iterator[tuple[str, Sequence[str]]]:
    for route in (POST_TELEMETRY, *OPEN_ROUTES):
        yield _route(route), SENDERS
    yield _route(GET_TRACK), TRACK_CALLERS
    for route, roles in CALLERS.items():
        if route != DECLARE_EVENT:
            yield _route(route), roles
    for declared in DeclaredType:
        declarers = [role for role in CALLERS[DECLARE_EVENT] if declared in DECLARABLE[role]]
        yield f"{_route(DECLARE_EVENT)}: `{declared.value}`", declarers
    yield "a socket, and `track` on it", VIEWERS
    yield FLEET, [DISPATCHER]


def _route(route: tuple[str, str]) -> str:
    return f"`{' '.join(route)}`"


def _cell(what: str, role: str) -> str:
    if what == FLEET:
        return "all trucks"
    if what == _route(POST_TELEMETRY):
        return "its own positions"
    if what in map(_route, OPEN_ROUTES):
        return "its own positions, by a phone's credential"
    if what == _route(GET_TRACK):
        return "every truck"
    return "yes" if what == _route(ISSUE_TICKET) else SEEN[role]


if __name__ == "__main__":
    DOCUMENT.write_text(write_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
