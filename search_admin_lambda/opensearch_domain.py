"""The domain, through its REST interface."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError

from rtdts.position_store.client import translating_errors
from rtdts.position_store.index_definitions import install_index_templates
from search_admin_lambda.installation import PolicyVersion


class OpenSearchDomain:
    """An Amazon OpenSearch Service domain with fine-grained access control.

    Paths are those of the Index State Management and Security plugins' REST interfaces.

    Args:
        shards: Primary shards of each index that is created from now on.
    """

    def __init__(self, client: OpenSearch, *, shards: int) -> None:
        self._client = client
        self._shards = shards

    def install_templates(self) -> None:
        """See `search_admin_lambda.installation.Domain`, also for the other methods."""
        with translating_errors("install templates"):
            install_index_templates(self._client, shards=self._shards)

    def policy_version(self, name: str) -> PolicyVersion | None:
        """Returns the stored policy's version."""
        try:
            found = self._request("GET", f"/_plugins/_ism/policies/{name}")
        except NotFoundError:
            return None
        return PolicyVersion(
            sequence_number=int(found["_seq_no"]), primary_term=int(found["_primary_term"])
        )

    def put_policy(
        self, name: str, body: Mapping[str, Any], replaces: PolicyVersion | None
    ) -> None:
        """Creates the policy, or replaces only the version that was read."""
        conditions: dict[str, int] = {}
        if replaces is not None:
            conditions = {
                "if_seq_no": replaces.sequence_number,
                "if_primary_term": replaces.primary_term,
            }
        self._request("PUT", f"/_plugins/_ism/policies/{name}", body=body, params=conditions)

    def apply_policy(self, name: str, index_pattern: str) -> None:
        """Uses `add` for indexes without a policy, `change_policy` for those with an older version.

        Each leaves the other's indexes unchanged, and there may be no index at all yet.
        """
        for action in ("add", "change_policy"):
            with suppress(NotFoundError):
                self._request(
                    "POST", f"/_plugins/_ism/{action}/{index_pattern}", body={"policy_id": name}
                )

    def index_names(self, index_pattern: str) -> list[str]:
        """Returns the existing indexes."""
        found = self._request("GET", f"/_cat/indices/{index_pattern}", params={"format": "json"})
        return sorted(one["index"] for one in found)

    def put_audit(self, body: Mapping[str, Any]) -> None:
        """Configures the content of the audit log."""
        self._request("PUT", "/_plugins/_security/api/audit/config", body=body)

    def put_role(self, name: str, body: Mapping[str, Any]) -> None:
        """Stores a role."""
        self._request("PUT", f"/_plugins/_security/api/roles/{name}", body=body)

    def map_role(self, name: str, body: Mapping[str, Any]) -> None:
        """Maps the role to its IAM role."""
        self._request("PUT", f"/_plugins/_security/api/rolesmapping/{name}", body=body)

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        with translating_errors(f"{method} {path}"):
            return self._client.transport.perform_request(method, path, params=params, body=body)
