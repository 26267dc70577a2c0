"""A ministack of a test's own, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.local_cloud.ports import free_port
from tests.support.http_process import running_http_process
from tests.support.source_tree import ROOT

REGION = "eu-central-1"
_INSTALLED = ROOT / ".tools" / "ministack" / "bin" / "ministack"


def ministack_program() -> Path | None:
    """Where it is: as the environment variable MINISTACK says, or as the set-up installs it."""
    path = Path(os.environ.get("MINISTACK", _INSTALLED))
    return path if path.is_file() else None


def required_ministack() -> Path:
    """Where it is; the test is skipped if it is not installed."""
    program = ministack_program()
    if program is None:
        pytest.skip("ministack is not installed: make setup")
    return program


@contextmanager
def running_ministack(directory: Path, program: Path | None = None) -> Iterator[str]:
    """Runs it; yields its endpoint URL. Its output is in `directory`.

    Args:
        directory: Where it runs.
        program: Instead of the installed one; without that the test is skipped.
    """
    program = program or required_ministack()
    url = f"http://127.0.0.1:{(port := free_port())}"
    variables = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(directory),
        # Servers that it would otherwise open beside its gateway, on every address.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with running_http_process(
        [str(program)],
        cwd=directory,
        variables=variables,
        health_url=f"{url}/_ministack/health",
        log=directory / "ministack.log",
    ):
        yield url
