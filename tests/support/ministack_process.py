"""A test's own ministack, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from sim.local_cloud.ports import free_port
from tests.support.http_process import running_http_process
from tests.support.source_tree import ROOT

REGION: Final = "eu-central-1"
_INSTALLED = ROOT / ".tools" / "ministack" / "bin" / "ministack"


def ministack_program() -> Path | None:
    """Returns ministack's path, from the environment variable MINISTACK or from set-up."""
    path = Path(os.environ.get("MINISTACK", _INSTALLED))
    return path if path.is_file() else None


def required_ministack() -> Path:
    """Returns ministack's path; skips the test if it is not installed."""
    program = ministack_program()
    if program is None:
        pytest.skip("ministack is not installed: make setup")
    return program


@contextmanager
def running_ministack(directory: Path, program: Path | None = None) -> Iterator[str]:
    """Runs ministack, and yields its endpoint URL. Its output is in `directory`.

    Args:
        directory: Its working directory.
        program: The program; None for the installed one. Without one, the test is skipped.
    """
    program = program or required_ministack()
    url = f"http://127.0.0.1:{(port := free_port())}"
    variables = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(directory),
        # Servers that it would otherwise start in addition to its gateway, on all addresses.
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
