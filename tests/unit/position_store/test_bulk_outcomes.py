from __future__ import annotations

from typing import Any, cast

import pytest
from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as NoResponse
from opensearchpy.exceptions import RequestError, SerializationError, TransportError

from rtdts.position_store import bulk
from rtdts.position_store.bulk import Action, WriteResult, head, send_bulk
from rtdts.position_store.errors import StoreUnavailable


class ScriptedOpenSearch:
    """Responds to bulk requests as scripted, item by item.

    Attributes:
        bodies: The bodies of the requests.
        items: The responses' items, in order of the actions; missing ones are successes.
        trouble: Raised instead of a response.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.items: list[dict[str, Any]] = []
        self.trouble: Exception | None = None

    def bulk(self, *, body: bytes, params: dict[str, str]) -> dict[str, Any]:
        if self.trouble is not None:
            raise self.trouble
        self.bodies.append(body)
        # A deletion has one line.
        heads = [line for line in body.splitlines() if not line.startswith(b'{"n"')]
        items = [self.items.pop(0) if self.items else {"status": 201} for _ in heads]
        return {
            "items": [
                {"delete" if line.startswith(b'{"delete"') else "index": item}
                for line, item in zip(heads, items, strict=True)
            ]
        }


@pytest.fixture
def server() -> ScriptedOpenSearch:
    return ScriptedOpenSearch()


def send(server: ScriptedOpenSearch, count: int) -> list[bulk.ItemOutcome]:
    actions = [
        Action(head=head("index", _index="i", _id=str(n)), document=b'{"n":1}')
        for n in range(count)
    ]
    return send_bulk(cast("OpenSearch", server), actions)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, WriteResult.WRITTEN),
        (201, WriteResult.WRITTEN),
        (409, WriteResult.CONFLICT),
        (400, WriteResult.REJECTED),
        (403, WriteResult.RETRYABLE),
        (404, WriteResult.RETRYABLE),
        (429, WriteResult.RETRYABLE),
        (500, WriteResult.RETRYABLE),
        (503, WriteResult.RETRYABLE),
    ],
)
def test_each_item_has_its_own_result(
    server: ScriptedOpenSearch, status: int, result: WriteResult
) -> None:
    server.items = [{"status": 201}, {"status": status}, {"status": 201}]

    outcomes = send(server, 3)

    assert [outcome.result for outcome in outcomes] == [
        WriteResult.WRITTEN,
        result,
        WriteResult.WRITTEN,
    ]


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("mapper_parsing_exception", WriteResult.REJECTED),
        ("strict_dynamic_mapping_exception", WriteResult.REJECTED),
        ("illegal_argument_exception", WriteResult.REJECTED),
        ("validation_exception", WriteResult.RETRYABLE),
        ("index_closed_exception", WriteResult.RETRYABLE),
        ("resource_already_exists_exception", WriteResult.RETRYABLE),
        ("index_creation_exception", WriteResult.RETRYABLE),
    ],
)
def test_the_type_of_a_bad_requests_error_decides_its_result(
    server: ScriptedOpenSearch, kind: str, result: WriteResult
) -> None:
    server.items = [{"status": 400, "error": {"type": kind, "reason": "r"}}]

    (outcome,) = send(server, 1)

    assert outcome.result is result


@pytest.mark.parametrize("error", [None, {"type": "index_not_found_exception"}], ids=str)
def test_deleting_a_missing_document_is_a_success(
    server: ScriptedOpenSearch, error: dict[str, str] | None
) -> None:
    server.items = [{"status": 200}, {"status": 404} | ({"error": error} if error else {})]
    actions = [Action(head=head("delete", _index="i", _id=str(n))) for n in range(3)]

    outcomes = send_bulk(cast("OpenSearch", server), actions)

    assert {outcome.result for outcome in outcomes} == {WriteResult.WRITTEN}
    (body,) = server.bodies
    assert body.count(b"\n") == 3


def test_a_rejection_reports_why(server: ScriptedOpenSearch) -> None:
    error = {"type": "mapper", "reason": "bad field", "caused_by": {"reason": "no date"}}
    server.items = [{"status": 400, "error": error}]

    (outcome,) = send(server, 1)

    assert outcome.reason == "400 mapper: bad field: no date"


def test_items_missing_from_a_response_are_retryable(
    server: ScriptedOpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "bulk", lambda **_: {"items": [{"index": {"status": 201}}]})

    outcomes = send(server, 3)

    assert [outcome.result for outcome in outcomes] == [
        WriteResult.WRITTEN,
        *[WriteResult.RETRYABLE] * 2,
    ]


def test_requests_are_bounded_and_outcomes_stay_in_order(
    server: ScriptedOpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_ITEMS", 4)
    server.items = [{"status": 201}] * 5 + [{"status": 409}] + [{"status": 201}] * 4

    outcomes = send(server, 10)

    assert [body.count(b"\n") // 2 for body in server.bodies] == [4, 4, 2]
    assert [n for n, outcome in enumerate(outcomes) if outcome.result is WriteResult.CONFLICT] == [
        5
    ]


def test_requests_are_bounded_in_bytes(
    server: ScriptedOpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_BYTES", 100)

    send(server, 10)

    assert len(server.bodies) > 1
    assert all(len(body) <= 100 for body in server.bodies)


@pytest.mark.parametrize(
    "trouble",
    [
        NoResponse("N/A", "refused", OSError()),
        TransportError(429, "circuit_breaking_exception"),
        TransportError(503, "unavailable"),
        TransportError(403, "cluster_block_exception"),
        RequestError(400, "index_closed_exception"),
        RequestError(400, "validation_exception"),
        SerializationError('{"errors":fal', ValueError("Expecting value")),
    ],
)
def test_a_temporary_failure_of_a_request_raises_store_unavailable(
    server: ScriptedOpenSearch, trouble: Exception
) -> None:
    server.trouble = trouble

    with pytest.raises(StoreUnavailable):
        send(server, 1)


def test_an_invalid_request_raises_its_own_error(server: ScriptedOpenSearch) -> None:
    server.trouble = RequestError(400, "parse_exception")

    with pytest.raises(RequestError):
        send(server, 1)
