"""A program that serves HTTP on 127.0.0.1 for the duration of a test."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import DEADLINE_S

_ENDS_WITHIN_S = 10.0


@contextmanager
def running_http_process(
    command: Sequence[str], *, cwd: Path, variables: Mapping[str, str], health_url: str, log: Path
) -> Iterator[None]:
    """Runs a program until the end of the block, which begins when the program responds.

    Args:
        command: The command line.
        cwd: Its working directory.
        variables: Environment variables in addition to this process's, without those of AWS.
        health_url: A URL that responds once the program serves.
        log: The file for its output.

    Raises:
        RuntimeError: It ended or did not respond in time; the message has its output.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**inherited, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_responds(process, health_url, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_responds(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends_at = time.monotonic() + DEADLINE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own process
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"{url} does not respond: {log.read_text()}") from error
            time.sleep(0.05)  # a starting process has nothing to await
