"""A test's own WebSocket gateway for a ministack, on a free port of 127.0.0.1."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.local_cloud.ports import free_port
from sim.local_cloud.resources import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.support.http_process import running_http_process
from tests.support.ministack_process import REGION, ministack_program
from tests.support.source_tree import ROOT


@contextmanager
def running_socket_gateway(aws_url: str, directory: Path, **settings: str) -> Iterator[str]:
    """Runs a gateway, and yields its base URL. Its output is in `directory`.

    Args:
        aws_url: The ministack that defines its APIs.
        directory: The folder of its log and the Lambdas.
        settings: Additional settings, by name.
    """
    program = ministack_program()
    assert program is not None
    url = f"http://127.0.0.1:{(port := free_port())}"
    variables = {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "GATEWAY_PORT": str(port),
        "GATEWAY_SCRATCH": str(directory / "lambdas"),
        "LAMBDA_PYTHON": str(program.with_name("python")),
        **settings,
    }
    with running_http_process(
        [sys.executable, "-m", "sim.local_cloud.socket_gateway"],
        cwd=ROOT,
        variables=variables,
        health_url=f"{url}/ping",
        log=directory / "socket-gateway.log",
    ):
        yield url
