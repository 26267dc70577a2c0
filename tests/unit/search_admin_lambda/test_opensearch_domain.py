"""The requests to the two plugins, and how their errors are handled."""

from __future__ import annotations

from typing import Any

import pytest
from opensearchpy.exceptions import AuthorizationException, NotFoundError, RequestError

from rtdts.position_store.errors import StoreUnavailable
from search_admin_lambda.installation import PolicyVersion
from search_admin_lambda.opensearch_domain import OpenSearchDomain


class FakeTransport:
    def __init__(self, responses: dict[tuple[str, str], Any]) -> None:
        self.responses = responses
        self.requested: list[tuple[str, str, Any, Any]] = []

    def perform_request(self, method: str, path: str, *, params: Any, body: Any) -> Any:
        self.requested.append((method, path, params, body))
        response = self.responses.get((method, path), {})
        if isinstance(response, Exception):
            raise response
        return response


class FakeIndices:
    def __init__(self) -> None:
        self.templates: dict[str, Any] = {}

    def put_index_template(self, *, name: str, body: Any) -> None:
        self.templates[name] = body

    def create(self, *, index: str) -> None:
        assert index in self.templates

    def get_mapping(self, *, index: str) -> dict[str, Any]:
        return {}


class FakeClient:
    def __init__(self, **responses: Any) -> None:
        self.transport = FakeTransport(responses.get("responses", {}))
        self.indices = FakeIndices()


POLICY = ("GET", "/_plugins/_ism/policies/truck-raw")


def domain_of(responses: dict[tuple[str, str], Any]) -> tuple[OpenSearchDomain, FakeTransport]:
    client = FakeClient(responses=responses)
    return OpenSearchDomain(client, shards=1), client.transport  # type: ignore[arg-type]


def test_every_index_gets_the_configured_number_of_shards() -> None:
    client = FakeClient()

    OpenSearchDomain(client, shards=3).install_templates()  # type: ignore[arg-type]

    templates = client.indices.templates
    assert templates.keys() == {"truck-raw", "truck-positions", "truck-latest", "truck-state"}
    for template in templates.values():
        assert template["template"]["settings"]["index"]["number_of_shards"] == "3"


def test_a_missing_policy_is_created_without_a_condition() -> None:
    domain, transport = domain_of({POLICY: NotFoundError(404, "not_found", {})})

    version = domain.policy_version("truck-raw")
    domain.put_policy("truck-raw", {"policy": {}}, version)

    assert version is None
    assert transport.requested[-1] == ("PUT", POLICY[1], {}, {"policy": {}})


def test_a_policy_is_replaced_only_if_it_is_the_version_that_was_read() -> None:
    domain, transport = domain_of({POLICY: {"_seq_no": 4, "_primary_term": 9, "policy": {}}})

    version = domain.policy_version("truck-raw")
    domain.put_policy("truck-raw", {"policy": {}}, version)

    assert version == PolicyVersion(sequence_number=4, primary_term=9)
    assert transport.requested[-1][2] == {"if_seq_no": 4, "if_primary_term": 9}


def test_a_policy_is_applied_to_existing_indexes_even_if_there_are_none() -> None:
    add = ("POST", "/_plugins/_ism/add/truck-raw-*")
    domain, transport = domain_of({add: NotFoundError(404, "index_not_found", {})})

    domain.apply_policy("truck-raw", "truck-raw-*")

    assert [path for _, path, _, _ in transport.requested] == [
        "/_plugins/_ism/add/truck-raw-*",
        "/_plugins/_ism/change_policy/truck-raw-*",
    ]


def test_existing_indexes_are_reported_in_order() -> None:
    indexes = ("GET", "/_cat/indices/truck-raw-*")
    domain, _ = domain_of(
        {indexes: [{"index": "truck-raw-2026-11-24"}, {"index": "truck-raw-2026-11-23"}]}
    )

    assert domain.index_names("truck-raw-*") == ["truck-raw-2026-11-23", "truck-raw-2026-11-24"]


def test_the_audit_log_is_configured_by_the_security_api() -> None:
    domain, transport = domain_of({})

    domain.put_audit({"enabled": True})

    assert transport.requested == [
        ("PUT", "/_plugins/_security/api/audit/config", None, {"enabled": True})
    ]


def test_a_domain_without_initialised_security_counts_as_unavailable() -> None:
    role = ("PUT", "/_plugins/_security/api/roles/r")
    domain, _ = domain_of({role: AuthorizationException(403, "not initialised", {})})

    with pytest.raises(StoreUnavailable):
        domain.put_role("r", {})


def test_a_bad_request_is_not_retried() -> None:
    mapping = ("PUT", "/_plugins/_security/api/rolesmapping/r")
    domain, _ = domain_of({mapping: RequestError(400, "bad", {})})

    with pytest.raises(RequestError):
        domain.map_role("r", {})
