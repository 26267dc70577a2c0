"""The preparation of the domain against one that is not ready, or was prepared before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rtdts.position_store.errors import StoreUnavailable
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import get_logger
from search_admin_lambda.access import search_roles
from search_admin_lambda.bootstrap import App
from search_admin_lambda.installation import PolicyVersion, install
from search_admin_lambda.retention import retention_policies

ROLES = search_roles(
    raw_writer_arn="arn:aws:iam::1:role/raw",
    consumer_arn="arn:aws:iam::1:role/consumer",
    broadcaster_arn="arn:aws:iam::1:role/broadcaster",
    track_arn="arn:aws:iam::1:role/track",
    operations_arn="arn:aws:iam::1:role/operations",
)
POLICIES = retention_policies(raw_days=3, positions_days=90)


class FakeDomain:
    """Records its requests, and is unavailable for the first calls."""

    def __init__(self, *, unavailable_for_calls: int = 0) -> None:
        self.steps: list[str] = []
        self.replaced: dict[str, PolicyVersion | None] = {}
        self.audit: Mapping[str, Any] = {}
        self.roles: dict[str, Mapping[str, Any]] = {}
        self.mappings: dict[str, Mapping[str, Any]] = {}
        self._policies: dict[str, Mapping[str, Any]] = {}
        self._unavailable_for = unavailable_for_calls

    def install_templates(self) -> None:
        if self._unavailable_for:
            self._unavailable_for -= 1
            raise StoreUnavailable("install templates", None, "not there yet")
        self.steps.append("templates")

    def policy_version(self, name: str) -> PolicyVersion | None:
        return PolicyVersion(sequence_number=7, primary_term=2) if name in self._policies else None

    def put_policy(
        self, name: str, body: Mapping[str, Any], replaces: PolicyVersion | None
    ) -> None:
        self.steps.append(f"policy {name}")
        self.replaced[name] = replaces
        self._policies[name] = body

    def apply_policy(self, name: str, index_pattern: str) -> None:
        self.steps.append(f"apply {name} to {index_pattern}")

    def index_names(self, index_pattern: str) -> list[str]:
        return [index_pattern.replace("*", "2026-11-24")]

    def put_audit(self, body: Mapping[str, Any]) -> None:
        self.steps.append("audit")
        self.audit = body

    def put_role(self, name: str, body: Mapping[str, Any]) -> None:
        self.steps.append(f"role {name}")
        self.roles[name] = body

    def map_role(self, name: str, body: Mapping[str, Any]) -> None:
        self.steps.append(f"mapping {name}")
        self.mappings[name] = body


class FakeTime:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += max(seconds, 1.0)  # jitter may be almost zero


def run(domain: FakeDomain, *, domain_wait_s: float = 240) -> FakeTime:
    time = FakeTime()
    install(
        domain,
        policies=POLICIES,
        roles=ROLES,
        deadline=Deadline(domain_wait_s, clock=time),
        log=get_logger("test"),
        sleep=time.sleep,
    )
    return time


def test_templates_are_installed_first_and_the_right_to_write_last() -> None:
    domain = FakeDomain()

    run(domain)

    assert domain.steps[0] == "templates"
    assert domain.steps[1:5] == [
        "policy truck-raw",
        "apply truck-raw to truck-raw-*",
        "policy truck-positions",
        "apply truck-positions to truck-positions-*",
    ]
    assert domain.steps[5] == "audit"
    assert all(step.startswith(("role", "mapping")) for step in domain.steps[6:])


def test_the_audit_log_contains_rejections_and_no_positions() -> None:
    domain = FakeDomain()

    run(domain)

    assert domain.audit["enabled"]
    assert domain.audit["compliance"]["internal_config"]
    for layer in ("rest", "transport"):
        assert domain.audit["audit"][f"enable_{layer}"]
        assert set(domain.audit["audit"][f"disabled_{layer}_categories"]) == {
            "AUTHENTICATED",
            "GRANTED_PRIVILEGES",
        }
    assert not domain.audit["audit"]["log_request_body"]
    assert not domain.audit["compliance"]["write_log_diffs"]


def test_installation_waits_for_a_new_domain() -> None:
    domain = FakeDomain(unavailable_for_calls=5)

    run(domain)

    assert domain.steps[0] == "templates"


def test_a_domain_that_stays_unavailable_fails_the_invocation() -> None:
    domain = FakeDomain(unavailable_for_calls=10_000)

    with pytest.raises(StoreUnavailable):
        run(domain)


def test_a_repeated_installation_replaces_only_the_policy_version_that_it_read() -> None:
    domain = FakeDomain()

    run(domain)
    first = dict(domain.replaced)
    run(domain)

    assert set(first.values()) == {None}
    assert set(domain.replaced.values()) == {PolicyVersion(sequence_number=7, primary_term=2)}


def test_each_iam_role_gets_exactly_one_role() -> None:
    domain = FakeDomain()

    run(domain)

    assert domain.roles.keys() == domain.mappings.keys()
    assert domain.mappings["rtdts-consumer"] == {"backend_roles": ["arn:aws:iam::1:role/consumer"]}


@pytest.mark.parametrize(
    ("role", "patterns"),
    [
        ("rtdts-raw-writer", {"truck-raw-*"}),
        ("rtdts-consumer", {"truck-positions-*", "truck-latest", "truck-state"}),
        ("rtdts-broadcaster", {"truck-positions-*", "truck-latest"}),
        ("rtdts-track", {"truck-positions-*"}),
    ],
)
def test_a_role_has_access_only_to_its_own_indexes(role: str, patterns: set[str]) -> None:
    body = next(one.body for one in ROLES if one.name == role)

    reached = {
        pattern for grant in body["index_permissions"] for pattern in grant["index_patterns"]
    }
    assert reached == patterns


def test_the_broadcaster_may_write_only_the_latest_positions() -> None:
    body = next(one.body for one in ROLES if one.name == "rtdts-broadcaster")

    assert body["index_permissions"] == [
        {
            "index_patterns": ["truck-positions-*", "truck-latest"],
            "allowed_actions": ["read"],
        },
        {"index_patterns": ["truck-latest"], "allowed_actions": ["index"]},
    ]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_policy_deletes_its_pattern_after_its_days(policy) -> None:
    body = policy.body["policy"]
    kept, deleted = body["states"]

    assert body["ism_template"][0]["index_patterns"] == [policy.index_pattern]
    assert kept["transitions"][0]["conditions"] == {"min_index_age": f"{policy.days}d"}
    assert kept["transitions"][0]["state_name"] == deleted["name"]
    assert deleted["actions"] == [{"delete": {}}]


def test_the_indexes_that_retention_has_kept_are_reported_by_policy() -> None:
    app = App(
        domain=FakeDomain(), policies=POLICIES, roles=ROLES, domain_wait_s=1, log=get_logger("test")
    )

    assert app.daily_indexes() == {
        "truck-raw": ["truck-raw-2026-11-24"],
        "truck-positions": ["truck-positions-2026-11-24"],
    }
