"""A ministack of a test's own, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.local_cloud.ports import free_port
from tests.support.http_process import running_http_process
from tests.support.source_tree import ROOT

REGION = "eu-central-1"
_INSTALLED = ROOT / ".tools" / "ministack" / "bin" / "ministack"


def ministack_program() -> Path | None:
    """Where it is: as the environment variable MINISTACK says, or as the set-up installs it."""
    path = Path(os.environ.get("MINISTACK", _INSTALLED))
    return path if path.is_file() else None


@contextmanager
def running_ministack(program: Path, directory: Path) -> Iterator[str]:
    """Runs it; yields its endpoint URL. Its output is in `directory`."""
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
