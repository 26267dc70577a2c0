"""A ministack of a test's own, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.local_cloud.ports import free_port
from tests.support.source_tree import ROOT
from tests.support.waiting import PATIENCE_S

REGION = "eu-central-1"
_INSTALLED = ROOT / ".tools" / "ministack" / "bin" / "ministack"


def ministack_program() -> Path | None:
    """Where it is: as the environment variable MINISTACK says, or as the set-up installs it."""
    path = Path(os.environ.get("MINISTACK", _INSTALLED))
    return path if path.is_file() else None


@contextmanager
def running_ministack(program: Path, directory: Path) -> Iterator[str]:
    """Runs it; yields its endpoint URL. Its output is in `directory`."""
    port = free_port()
    log = directory / "ministack.log"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(directory),
        # Servers that it would otherwise open beside its gateway, on every address.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program)],
            cwd=directory,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(process, f"{url}/_ministack/health", log)
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
                raise RuntimeError(f"ministack does not answer: {log.read_text()}") from error
            time.sleep(0.05)  # a process that boots offers nothing to await
