"""Centrifugo, a fan-out server in Go that a user might use instead, if Go can build it here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figures import CannotMeasureError, PrintLine
from sim.local_cloud.ports import free_port
from sim.setup.places import find_places

VERSION: Final = "6.9.1"
MODULE: Final = f"github.com/centrifugal/centrifugo/v6@v{VERSION}"
SOCKETS_PATH: Final = "/connection/uni_websocket"
_STARTS_WITHIN_S: Final = 30.0
_BUILDS_WITHIN_S: Final = 3_600.0


def find_or_build(print_line: PrintLine) -> Path:
    """The program, built once into the cache.

    Raises:
        CannotMeasureError: There is no Go, or the module can't be downloaded.
    """
    named = os.environ.get("CENTRIFUGO")
    folder = find_places().cache / "tools" / f"centrifugo-{VERSION}"
    program = Path(named) if named else folder / "centrifugo"
    if program.exists():
        return program
    if shutil.which("go") is None:
        raise CannotMeasureError("Go is not installed")
    print_line(f"building {MODULE}: some minutes, once")
    build = subprocess.run(
        ["go", "install", "-p", "1", MODULE],
        env={**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=_BUILDS_WITHIN_S,
        check=False,
    )
    if build.returncode:
        raise CannotMeasureError(build.stderr.strip().splitlines()[-1])
    return program


@contextlib.contextmanager
def running(program: Path, folder: Path) -> Iterator[tuple[int, int]]:
    """Runs it on loopback without authentication; yields its process id and its port."""
    port = free_port()
    config = folder / "centrifugo.json"
    config.write_text(
        json.dumps(
            {
                "http_server": {"address": "127.0.0.1", "port": str(port)},
                "client": {"insecure": True, "ping_interval": "24h"},
                "http_api": {"insecure": True},
                "uni_websocket": {"enabled": True, "ping_interval": "24h"},
                "log": {"level": "error"},
                "channel": {"without_namespace": {"allow_subscribe_for_client": True}},
                "health": {"enabled": True},
                "usage_stats": {"disabled": True},
            }
        )
    )
    with (folder / "centrifugo.log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "--config", str(config)],
            cwd=folder,
            env={**os.environ, "GOMAXPROCS": "2"},
            stdout=log,
            stderr=log,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", folder / "centrifugo.log")
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends_at_s = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own process
                return
        except (OSError, urllib.error.HTTPError) as error:
            if process.poll() is not None or time.monotonic() > ends_at_s:
                raise CannotMeasureError(f"Centrifugo: {log.read_text()[-300:]}") from error
            time.sleep(0.05)
