"""Prepares the domain, in the order in which each step is safe. Every step may be repeated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from rtdts.position_store.errors import StoreUnavailable
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from search_admin_lambda.access import AUDIT, SearchRole
from search_admin_lambda.retention import RetentionPolicy

FIRST_WAIT_S = 1.0
MAX_WAIT_S = 15.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PolicyVersion:
    """The version of a stored policy that a change replaces."""

    sequence_number: int
    primary_term: int


class Domain(Protocol):
    """The calls to the domain; each raises `StoreUnavailable` for a transient failure."""

    def install_templates(self) -> None:
        """Puts the index templates, and creates the indexes that are not daily."""

    def policy_version(self, name: str) -> PolicyVersion | None:
        """Returns the stored policy's version, None when there is none."""

    def put_policy(
        self, name: str, body: Mapping[str, Any], replaces: PolicyVersion | None
    ) -> None:
        """Stores a retention policy."""

    def apply_policy(self, name: str, index_pattern: str) -> None:
        """Applies a policy's newest version to the indexes that already exist."""

    def index_names(self, index_pattern: str) -> Sequence[str]:
        """Returns the existing indexes, sorted by name."""

    def put_audit(self, body: Mapping[str, Any]) -> None:
        """Configures the content of the audit log."""

    def put_role(self, name: str, body: Mapping[str, Any]) -> None:
        """Stores a role of fine-grained access control."""

    def map_role(self, name: str, body: Mapping[str, Any]) -> None:
        """Maps the role to its IAM role."""


def install(
    domain: Domain,
    *,
    policies: Sequence[RetentionPolicy],
    roles: Sequence[SearchRole],
    deadline: Deadline,
    log: Logger,
    sleep: Callable[[float], None],
) -> None:
    """Installs everything; retries while the domain is not ready, until the retry budget ends.

    The templates come first: a document written before them would fix the fields' types
    permanently. The audit log is on before a role is mapped. The roles come last: before that, none
    of our components can write.

    Raises:
        StoreUnavailable: The domain was not ready in time.
    """
    waits_s = backoff_s(first_s=FIRST_WAIT_S, max_s=MAX_WAIT_S)
    while True:
        try:
            _install_once(domain, policies, roles)
        except StoreUnavailable as error:
            wait_s = next(waits_s)
            if deadline.remaining_s <= wait_s:
                raise
            log.warning("domain_not_ready", reason=str(error), wait_s=round(wait_s, 1))
            sleep(wait_s)
        else:
            return


def _install_once(
    domain: Domain, policies: Sequence[RetentionPolicy], roles: Sequence[SearchRole]
) -> None:
    domain.install_templates()
    for policy in policies:
        domain.put_policy(policy.name, policy.body, domain.policy_version(policy.name))
        domain.apply_policy(policy.name, policy.index_pattern)
    domain.put_audit(AUDIT)
    for role in roles:
        domain.put_role(role.name, role.body)
        domain.map_role(role.name, role.mapping_body)
