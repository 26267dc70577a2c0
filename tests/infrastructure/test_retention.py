"""The periods in docs/retention.md are those of Terraform and the code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from deploy.queues import NUDGES
from deploy.run_operation import NAMES
from deploy.tables import TABLES
from deploy.terraform_tools import resources_of
from rtdts.delivery_store import subscriptions, tickets
from rtdts.delivery_store.deliveries import LOG_OUTLIVES_ROW_DAYS
from rtdts.position_store.index_definitions import index_templates
from rtdts.tracking.truck_fold import WINDOW_FIXES
from search_admin_lambda.retention import retention_policies
from tests.support.source_tree import ROOT

ENVIRONMENTS = ("dev", "prod")
DAY_S = 86_400
DOCUMENT = (ROOT / "docs" / "retention.md").read_text(encoding="utf-8")


def rows() -> dict[str, dict[str, str]]:
    """Returns each row's days in development and production, by the last code in its cell."""
    found = {}
    for line in DOCUMENT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        days = re.fullmatch(r"(\d+) / (\d+)|no end", cells[2]) if len(cells) >= 5 else None
        if days is not None:
            place = (re.findall(r"`([^`]+)`", cells[1]) or [cells[1]])[-1]
            found[place] = {"dev": days[1] or "", "prod": days[2] or ""}
    return found


ROWS = rows()


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def kept(
    environment: str, state_of: Callable[[str], dict[str, Any]]
) -> Callable[[str], list[tuple[str, Any]]]:
    def of_type(kind: str) -> list[tuple[str, Any]]:
        return [
            (address, values)
            for address, type_, values in resources_of(state_of(environment))
            if type_ == kind
        ]

    return of_type


Kept = Callable[[str], list[tuple[str, Any]]]


def days_of(place: str, environment: str) -> int:
    return int(ROWS[place][environment])


def test_the_document_has_a_row_for_each_table_index_and_bucket() -> None:
    tables = {table.logical_name.replace("_", "-") for table in TABLES}
    patterns = {one["index_patterns"][0] for one in index_templates().values()}

    assert tables | patterns | {"raw-backup", "parked", "telemetry", "nudges"} <= ROWS.keys()


def test_the_stream_and_the_logs_keep_data_as_long_as_documented(
    environment: str, kept: Kept
) -> None:
    (_, stream), *_ = kept("aws_kinesis_stream")
    groups = {values["retention_in_days"] for _, values in kept("aws_cloudwatch_log_group")}

    assert stream["retention_period"] == 24 * days_of("telemetry", environment)
    assert groups == {days_of("CloudWatch Logs", environment)}


def test_buckets_keep_objects_as_long_as_documented(environment: str, kept: Kept) -> None:
    for address, values in kept("aws_s3_bucket_lifecycle_configuration"):
        place = address.split(".")[3].replace("_", "-")
        (rule,) = values["rule"]

        assert rule["expiration"][0]["days"] == days_of(place, environment)
        older = rule["noncurrent_version_expiration"][0]["noncurrent_days"]
        assert older == days_of("the same buckets", environment)


def test_indexes_keep_documents_as_long_as_documented(
    environment: str, state_of: Callable[[str], dict[str, Any]]
) -> None:
    reported = state_of(environment)["outputs"]["environments"]["value"]["functions"][
        "search-admin"
    ]
    policies = retention_policies(
        raw_days=int(reported["RAW_RETENTION_DAYS"]),
        positions_days=int(reported["POSITIONS_RETENTION_DAYS"]),
    )

    assert {one.index_pattern: one.days for one in policies} == {
        pattern: days_of(pattern, environment) for pattern in ("truck-raw-*", "truck-positions-*")
    }
    endless = {place for place, days in ROWS.items() if not days["dev"]}
    assert {"truck-latest", "truck-state"} <= endless


def test_tables_keep_items_as_long_as_documented(
    environment: str, state_of: Callable[[str], dict[str, Any]]
) -> None:
    reported = state_of(environment)["outputs"]["environments"]["value"]
    closed_days = {
        int(reported[kind][name]["CLOSED_RETENTION_DAYS"])
        for kind, name in (("functions", "delivery"), ("containers", "consumer"))
    }
    expiring = {
        table.logical_name.replace("_", "-") for table in TABLES if table.ttl_attribute is not None
    }

    assert closed_days == {days_of("deliveries", environment)}
    (days,) = closed_days
    assert days_of("delivery-events", environment) == days + LOG_OUTLIVES_ROW_DAYS
    assert expiring == {
        table.logical_name.replace("_", "-")
        for table in TABLES
        if ROWS[table.logical_name.replace("_", "-")]["dev"]
    }


def test_periods_shorter_than_a_day_are_those_of_the_code() -> None:
    assert f"after {subscriptions.RETENTION_MS // 3_600_000} hours" in DOCUMENT
    assert f"after {tickets.TICKET_LIFETIME_MS // 1000} s" in DOCUMENT
    assert f"after {NUDGES.retention_s // 60} minutes" in DOCUMENT
    assert f"after {NUDGES.dead_letter_retention_s // DAY_S} days" in DOCUMENT
    assert f"a truck's last {WINDOW_FIXES} points" in DOCUMENT


def test_the_command_that_starts_the_operations_task_uses_its_names(
    environment: str, kept: Kept
) -> None:
    name = NAMES[environment]
    (task,) = [
        json.loads(values["container_definitions"])[0]
        for _, values in kept("aws_ecs_task_definition")
        if values["family"] == f"{name}-operations"
    ]
    log = task["logConfiguration"]["options"]

    assert task["name"] == f"{name}-operations"
    assert (log["awslogs-group"], log["awslogs-stream-prefix"]) == (
        f"/aws/ecs/{name}-operations",
        "task",
    )
    assert name in {values["name"] for _, values in kept("aws_ecs_cluster")}
    assert f"{name}-consumer" in {values["name"] for _, values in kept("aws_ecs_service")}
