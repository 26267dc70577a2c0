"""The name under which a container's program starts."""

from __future__ import annotations

import json

import pytest

from deploy.task_launcher import METADATA_VARIABLE, NoTaskIdError, environment_for, main, task_id

ENDPOINT = "http://169.254.170.2/v4/abc"
METADATA = json.dumps(
    {"Cluster": "c", "TaskARN": "arn:aws:ecs:eu-central-1:123456789012:task/rtdts-dev/0f1e2d"}
).encode()


class FakeEndpoint:
    def __init__(self, *, fails: int = 0) -> None:
        self.urls: list[str] = []
        self.waits_s: list[float] = []
        self._fails = fails

    def fetch(self, url: str) -> bytes:
        self.urls.append(url)
        if len(self.urls) <= self._fails:
            raise OSError("connection refused")
        return METADATA


def run(endpoint: FakeEndpoint, **environ: str) -> dict[str, str]:
    return environment_for(
        environ, "KCL_WORKER_ID", fetch=endpoint.fetch, sleep=endpoint.waits_s.append
    )


def test_the_tasks_id_becomes_the_programs_name() -> None:
    endpoint = FakeEndpoint()

    environment = run(endpoint, **{METADATA_VARIABLE: ENDPOINT, "A": "1"})

    assert environment["KCL_WORKER_ID"] == "0f1e2d"
    assert environment["A"] == "1"
    assert endpoint.urls == [f"{ENDPOINT}/task"]


def test_outside_ecs_no_endpoint_is_queried() -> None:
    endpoint = FakeEndpoint()

    assert "KCL_WORKER_ID" not in run(endpoint)
    assert not endpoint.urls


def test_a_configured_name_is_kept() -> None:
    given = {METADATA_VARIABLE: ENDPOINT, "KCL_WORKER_ID": "mine"}

    assert run(FakeEndpoint(), **given)["KCL_WORKER_ID"] == "mine"


def test_the_query_is_repeated_until_the_endpoint_responds() -> None:
    endpoint = FakeEndpoint(fails=3)

    environment = run(endpoint, **{METADATA_VARIABLE: ENDPOINT})

    assert environment["KCL_WORKER_ID"] == "0f1e2d"
    assert len(endpoint.waits_s) == 3


def test_without_a_response_the_program_does_not_start() -> None:
    with pytest.raises(NoTaskIdError):
        run(FakeEndpoint(fails=100), **{METADATA_VARIABLE: ENDPOINT})


@pytest.mark.parametrize("metadata", [b"", b"[]", b"{}", b"<html>"])
def test_a_response_without_a_task_arn_is_an_error(metadata: bytes) -> None:
    with pytest.raises(NoTaskIdError):
        task_id(metadata)


def test_prints_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["KCL_WORKER_ID"]) == 2
    assert "usage" in capsys.readouterr().err
