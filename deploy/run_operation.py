"""Runs one of the operators' commands in an account, where OpenSearch can be reached.

    python -m deploy.run_operation --env dev -- erase --truck T-1 --dry-run

Starts the task, shows its log while it runs, and ends with its exit code. Terraform configures the
task (`deploy/terraform/modules/system/operations.tf`); its network is read from the consumer's
service, which runs there too.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy.release import ENVIRONMENTS

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_logs import CloudWatchLogsClient

NAMES: Final = {"dev": "rtdts-dev", "prod": "rtdts"}
"""How an environment's names begin, unless its variable `name` says otherwise."""
POLL_S: Final = 2.0
LAST_LINES_POLLS: Final = 5
"""Reads of the log after the end: a container's last lines arrive some seconds late."""
FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


class NotRunError(Exception):
    """The command was not run, or its exit code is unknown; the message says why."""


class OperationTask:
    """One command in one environment.

    Args:
        ecs: ECS.
        logs: CloudWatch Logs.
        name: How the environment's names begin.
        show: Takes a line of the task's log.
        sleep: Waits some seconds.
    """

    def __init__(
        self,
        ecs: ECSClient,
        logs: CloudWatchLogsClient,
        *,
        name: str,
        show: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ecs = ecs
        self._logs = logs
        self._name = name
        self._container = f"{name}-operations"
        self._show = show
        self._sleep = sleep
        self._read_to: str | None = None

    def start(self, command: Sequence[str]) -> str:
        """Starts the task.

        Args:
            command: The arguments of `python -m operations`.

        Returns:
            The task's ARN.

        Raises:
            NotRunError: There is no such environment, or ECS has no room.
        """
        service = f"{self._name}-consumer"
        found = self._ecs.describe_services(cluster=self._name, services=[service])["services"]
        if not found:
            raise NotRunError(f"no service {service} in the cluster {self._name}: is it deployed?")
        network: Any = found[0]["networkConfiguration"]
        override: Any = {
            "name": self._container,
            "command": ["python", "-m", "operations", *command],
        }
        response = self._ecs.run_task(
            cluster=self._name,
            taskDefinition=self._container,
            launchType="FARGATE",
            networkConfiguration=network,
            overrides={"containerOverrides": [override]},
            propagateTags="TASK_DEFINITION",
            startedBy="deploy.run_operation",
        )
        if response["failures"] or not response["tasks"]:
            reasons = ", ".join(one.get("reason", "?") for one in response["failures"])
            raise NotRunError(f"ECS did not start the task: {reasons or 'no reason given'}")
        return response["tasks"][0]["taskArn"]

    def follow(self, task_arn: str) -> int:
        """Shows the task's log until it has ended.

        Returns:
            The command's exit code.

        Raises:
            NotRunError: The container did not exit by itself.
        """
        stream = f"task/{self._container}/{task_arn.rpartition('/')[2]}"
        while True:
            (task,) = self._ecs.describe_tasks(cluster=self._name, tasks=[task_arn])["tasks"]
            self._show_new(stream)
            if task["lastStatus"] == "STOPPED":
                break
            self._sleep(POLL_S)
        for _ in range(LAST_LINES_POLLS):
            self._sleep(POLL_S)
            self._show_new(stream)
        (container,) = task["containers"]
        if "exitCode" not in container:
            why = container.get("reason") or task.get("stoppedReason") or "no reason given"
            raise NotRunError(f"the task did not run to its end: {why}")
        return container["exitCode"]

    def _show_new(self, stream: str) -> None:
        while True:
            more: Any = {"nextToken": self._read_to} if self._read_to else {}
            try:
                response = self._logs.get_log_events(
                    logGroupName=f"/aws/ecs/{self._container}",
                    logStreamName=stream,
                    startFromHead=True,
                    **more,
                )
            except self._logs.exceptions.ResourceNotFoundException:
                return  # it has not logged anything yet
            for event in response["events"]:
                self._show(event["message"])
            # At the end of a log stream the same token is returned again.
            if response["nextForwardToken"] == self._read_to:
                return
            self._read_to = response["nextForwardToken"]


def main(
    arguments: Sequence[str] | None = None,
    *,
    clients: Callable[[str], tuple[ECSClient, CloudWatchLogsClient]] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Runs a command as a task; returns its exit code, or 1 with a reason if it was not run."""
    args = _parser().parse_args(arguments)
    if not args.operation:
        return _fail("no command: for example -- erase --truck T-1; -- --help lists all", UNUSABLE)
    if args.operation[:2] == ["device", "add"]:
        return _fail(
            "a task's output is kept in a log, and this command prints a secret: run python -m "
            "operations device add on this machine (see docs/phones.md)",
            UNUSABLE,
        )
    if not args.region:
        return _fail("no region: pass --region or set AWS_REGION", UNUSABLE)
    ecs, logs = (clients or _clients)(args.region)
    name = args.name or NAMES[args.env]
    task = OperationTask(ecs, logs, name=name, show=_show, sleep=sleep)
    task_arn = ""
    try:
        task_arn = task.start(args.operation)
        _report(f"started {task_arn}; its first log line may take a minute")
        code = task.follow(task_arn)
    except KeyboardInterrupt:
        return _fail(_still_running_hint(name, task_arn), INTERRUPTED)
    except (NotRunError, ClientError, BotoCoreError) as error:
        return _fail(f"{error}. {_still_running_hint(name, task_arn)}".strip(), FAILED)
    _report(f"exit code {code}")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.run_operation",
        description="Run a command of python -m operations as a task in the account that the "
        "AWS CLI is logged in to, show its output, and end with its exit code.",
        epilog="For example: python -m deploy.run_operation --env dev -- erase --truck T-1 "
        "--dry-run. Exit code: the command's; 1 also if the command could not be run, 2 if "
        "these arguments are invalid, 130 after Ctrl-C, which leaves the task running.",
    )
    parser.add_argument(
        "--env", choices=ENVIRONMENTS, required=True, help="environment of the task"
    )
    parser.add_argument(
        "--region",
        default=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        help="AWS region (default: AWS_REGION)",
    )
    parser.add_argument(
        "--name",
        help="prefix of the environment's resource names, if its variable `name` was "
        "changed (default: rtdts-dev or rtdts)",
    )
    parser.add_argument(
        "operation", nargs="*", metavar="-- COMMAND …", help="arguments of python -m operations"
    )
    return parser


def _clients(region: str) -> tuple[ECSClient, CloudWatchLogsClient]:
    session = boto3.Session(region_name=region)
    return session.client("ecs"), session.client("logs")


def _still_running_hint(name: str, task_arn: str) -> str:
    if not task_arn:
        return ""
    return (
        f"The task may still run: aws ecs describe-tasks --cluster {name} --tasks {task_arn}; "
        f"aws ecs stop-task --cluster {name} --task {task_arn} ends it"
    )


def _show(line: str) -> None:
    print(line)  # noqa: T201 - the task's own output


def _report(what: str) -> None:
    print(f"run_operation: {what}", file=sys.stderr)  # noqa: T201 - a command's progress


def _fail(why: str, code: int) -> int:
    print(f"run_operation: {why}", file=sys.stderr)  # noqa: T201 - a command's output
    return code


if __name__ == "__main__":
    sys.exit(main())
