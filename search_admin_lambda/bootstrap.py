"""Builds what search_admin_lambda needs: the only place that reads its environment."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Final

from rtdts.position_store.client import connect_by
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.settings import read_settings
from search_admin_lambda.access import SearchRole, search_roles
from search_admin_lambda.installation import Domain, install
from search_admin_lambda.opensearch_domain import OpenSearchDomain
from search_admin_lambda.retention import RetentionPolicy, retention_policies
from search_admin_lambda.settings import Settings

DOMAIN_WAIT_S: Final = 240.0
"""How long a new domain may take to respond; below the function's timeout."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """The objects for one installation."""

    domain: Domain
    policies: tuple[RetentionPolicy, ...]
    roles: tuple[SearchRole, ...]
    log: Logger
    domain_wait_s: float = DOMAIN_WAIT_S
    sleep: Callable[[float], None] = time.sleep

    def run(self) -> None:
        """Installs everything.

        Raises:
            rtdts.position_store.errors.StoreUnavailable: The domain was not ready in time.
        """
        install(
            self.domain,
            policies=self.policies,
            roles=self.roles,
            deadline=Deadline(self.domain_wait_s),
            log=self.log,
            sleep=self.sleep,
        )

    def daily_indexes(self) -> dict[str, list[str]]:
        """Returns the existing daily indexes, by their policy's name.

        Raises:
            rtdts.position_store.errors.StoreUnavailable: The domain does not respond.
        """
        return {
            policy.name: list(self.domain.index_names(policy.index_pattern))
            for policy in self.policies
        }


def build(environ: Mapping[str, str]) -> App:
    """Reads the settings, then makes the client; raises as `read_settings`."""
    settings = read_settings(Settings, environ)
    client = connect_by(settings, timeout_s=20.0)
    return App(
        domain=OpenSearchDomain(client, shards=settings.search_shards),
        policies=retention_policies(
            raw_days=settings.raw_retention_days,
            positions_days=settings.positions_retention_days,
        ),
        roles=search_roles(
            raw_writer_arn=settings.raw_writer_role_arn,
            consumer_arn=settings.consumer_role_arn,
            broadcaster_arn=settings.broadcaster_role_arn,
            track_arn=settings.track_role_arn,
            operations_arn=settings.operations_role_arn,
        ),
        log=get_logger("search_admin_lambda"),
    )
