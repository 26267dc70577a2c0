"""An operator's command as a task: the requests to ECS, the output, the exit code.

The SDK's own stubs check requests and responses against the shapes of the real services.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy.run_operation import LAST_LINES_POLLS, main

TASK = "arn:aws:ecs:eu-central-1:123456789012:task/rtdts-dev/0f1e2d"
NETWORK = {
    "awsvpcConfiguration": {
        "subnets": ["subnet-1"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }
}
LOG = {
    "logGroupName": "/aws/ecs/rtdts-dev-operations",
    "logStreamName": "task/rtdts-dev-operations/0f1e2d",
    "startFromHead": True,
}


@dataclasses.dataclass
class Account:
    """ECS and its logs, with scripted responses."""

    ecs: Any
    logs: Any
    of_ecs: Stubber
    of_logs: Stubber

    def has_service(self) -> None:
        self.of_ecs.add_response(
            "describe_services",
            {"services": [{"serviceName": "rtdts-dev-consumer", "networkConfiguration": NETWORK}]},
            {"cluster": "rtdts-dev", "services": ["rtdts-dev-consumer"]},
        )

    def starts(self, *command: str, failures: tuple[str, ...] = ()) -> None:
        self.of_ecs.add_response(
            "run_task",
            {
                "tasks": [] if failures else [{"taskArn": TASK}],
                "failures": [{"reason": reason} for reason in failures],
            },
            {
                "cluster": "rtdts-dev",
                "taskDefinition": "rtdts-dev-operations",
                "launchType": "FARGATE",
                "networkConfiguration": NETWORK,
                "overrides": {
                    "containerOverrides": [
                        {
                            "name": "rtdts-dev-operations",
                            "command": ["python", "-m", "operations", *command],
                        }
                    ]
                },
                "propagateTags": "TASK_DEFINITION",
                "startedBy": "deploy.run_operation",
            },
        )

    def is_at(self, status: str, **container: Any) -> None:
        task = {"taskArn": TASK, "lastStatus": status, "containers": [container]}
        self.of_ecs.add_response(
            "describe_tasks", {"tasks": [task]}, {"cluster": "rtdts-dev", "tasks": [TASK]}
        )

    def has_no_log(self) -> None:
        self.of_logs.add_client_error("get_log_events", "ResourceNotFoundException")

    def logged(self, *lines: str, token: str, next_token: str) -> None:
        requested = {**LOG, **({"nextToken": token} if token else {})}
        events = [{"message": line, "timestamp": 1} for line in lines]
        self.of_logs.add_response(
            "get_log_events", {"events": events, "nextForwardToken": next_token}, requested
        )

    def is_silent(self, *, token: str) -> None:
        self.logged(token=token, next_token=token)


@pytest.fixture(scope="module")
def clients() -> tuple[Any, Any]:
    """Clients of ECS and its logs. Shared: the SDK takes a third of a second to create them."""
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1"
    )
    return session.client("ecs"), session.client("logs")


@pytest.fixture
def account(clients: tuple[Any, Any]) -> Iterator[Account]:
    ecs, logs = clients
    with Stubber(ecs) as of_ecs, Stubber(logs) as of_logs:
        yield Account(ecs, logs, of_ecs, of_logs)
        of_ecs.assert_no_pending_responses()
        of_logs.assert_no_pending_responses()


def run(account: Account, *operation: str, more: tuple[str, ...] = ()) -> int:
    return main(
        ["--env", "dev", "--region", "eu-central-1", *more, "--", *operation],
        clients=lambda _region: (account.ecs, account.logs),
        sleep=lambda _s: None,
    )


def test_a_command_that_prints_a_secret_is_not_run_where_its_output_is_logged(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(account, "device", "add", "T-1") == 2
    assert "run python -m operations device add on this" in capsys.readouterr().err


@pytest.mark.parametrize("exit_code", [0, 1, 2])
def test_a_tasks_output_is_shown_in_order_and_its_exit_code_is_returned(
    account: Account, capsys: pytest.CaptureFixture[str], exit_code: int
) -> None:
    account.has_service()
    account.starts("erase", "--truck", "T-1", "--dry-run")
    account.is_at("PROVISIONING")
    account.has_no_log()
    account.is_at("RUNNING")
    account.logged("one", "two", token="", next_token="f/1")
    account.is_silent(token="f/1")
    account.is_at("STOPPED", exitCode=exit_code)
    account.is_silent(token="f/1")
    account.logged("the summary", token="f/1", next_token="f/2")  # comes after the end
    for _ in range(LAST_LINES_POLLS):
        account.is_silent(token="f/2")

    code = run(account, "erase", "--truck", "T-1", "--dry-run")

    assert code == exit_code
    assert capsys.readouterr().out.splitlines() == ["one", "two", "the summary"]


def test_a_container_that_never_ran_is_reported_with_its_reason(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.has_service()
    account.starts("replay-parked")
    account.is_at("STOPPED", reason="CannotPullContainerError: not found")
    for _ in range(1 + LAST_LINES_POLLS):
        account.has_no_log()

    code = run(account, "replay-parked")

    assert code == 1
    assert "CannotPullContainerError: not found" in capsys.readouterr().err


def test_a_task_that_could_not_be_placed_is_reported_with_the_reason(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.has_service()
    account.starts("replay-parked", failures=("RESOURCE:CPU",))

    assert run(account, "replay-parked") == 1
    assert "RESOURCE:CPU" in capsys.readouterr().err


def test_a_missing_deployment_is_reported(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.of_ecs.add_response("describe_services", {"services": []})

    assert run(account, "replay-parked") == 1
    assert "is it deployed?" in capsys.readouterr().err


def test_a_request_that_aws_denies_is_reported(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.of_ecs.add_client_error("describe_services", "AccessDeniedException")

    assert run(account, "replay-parked") == 1
    assert "AccessDeniedException" in capsys.readouterr().err


def test_without_a_command_no_request_is_sent(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(account) == 2
    assert "no command" in capsys.readouterr().err
