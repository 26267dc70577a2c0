"""A socket gateway of a test's own, before a ministack, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.local_cloud.ports import free_port
from sim.local_cloud.resources import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.support.ministack_process import REGION, ministack_program
from tests.support.source_tree import ROOT
from tests.support.waiting import PATIENCE_S


@contextmanager
def running_socket_gateway(aws_url: str, directory: Path, **settings: str) -> Iterator[str]:
    """Runs it; yields its base URL. Its output is in `directory`.

    Args:
        aws_url: The ministack that defines its APIs.
        directory: For its log and the Lambdas.
        settings: More of its settings, by name.
    """
    program = ministack_program()
    assert program is not None
    port = free_port()
    log = directory / "socket-gateway.log"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "GATEWAY_PORT": str(port),
        "GATEWAY_SCRATCH": str(directory / "lambdas"),
        "LAMBDA_PYTHON": str(program.with_name("python")),
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sim.local_cloud.socket_gateway"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(process, f"{url}/ping", log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own process
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"no socket gateway: {log.read_text()}") from error
            time.sleep(0.05)  # a process that boots offers nothing to await
