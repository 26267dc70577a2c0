"""How the node is started: its command, its environment, and its readiness check.

Uses only the standard library: set-up starts a node too, to record the class-data archive.
"""

from __future__ import annotations

import dataclasses
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

VERSION = "3.8.0"
HEAP_MB = 512
SOURCE = Path(__file__).with_name("LocalNode.java")


@dataclasses.dataclass(frozen=True)
class NodeFiles:
    """The files of a node that set-up has prepared."""

    java: Path
    class_path: tuple[Path, ...]
    """The launcher's jar, then OpenSearch's, in the order with which the archive was created."""
    archive: Path
    """Class-data archive: halves the start-up time. The JVM ignores one that doesn't match."""


def node_command(
    files: NodeFiles, *, home: Path, port: int, jvm_options: Sequence[str] = ()
) -> list[str]:
    """The command line of a node that listens on 127.0.0.1 only.

    Args:
        files: The files from set-up.
        home: The node's own folder, which contains its data.
        port: The HTTP port. The transport port, which a single node doesn't use, is any free one.
        jvm_options: Further JVM options.
    """
    return [
        str(files.java),
        f"-Xms{HEAP_MB}m",
        f"-Xmx{HEAP_MB}m",
        # With the serial collector, which the JVM selects on small machines, the circuit breaker
        # that measures real memory responds with 429 endlessly.
        "-XX:+UseG1GC",
        f"-XX:SharedArchiveFile={files.archive}",
        "-Xshare:auto",
        "-Xlog:disable",  # else the JVM warns at every start about an archive that doesn't match
        "--enable-native-access=ALL-UNNAMED",
        f"-Djava.io.tmpdir={home / 'tmp'}",
        *jvm_options,
        "LocalNode",
        str(home),
        f"http.port={port}",
        "transport.port=0",
        "network.host=127.0.0.1",
        "discovery.type=single-node",
        "cluster.name=rtdts-local",
        "node.name=local",
        # A laptop's disk is often nearly full; the node would refuse to write.
        "cluster.routing.allocation.disk.threshold_enabled=false",
        "logger.level=INFO",
    ]


def node_environment(files: NodeFiles, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a node. It contains the class path, so that ``ps`` stays readable."""
    return {**environ, "CLASSPATH": os.pathsep.join(map(str, files.class_path))}


def prepare_home(home: Path) -> None:
    """Creates the folders that a node requires."""
    for name in ("config", "data", "logs", "tmp"):
        (home / name).mkdir(parents=True, exist_ok=True)


def node_responds(port: int) -> bool:
    """Whether the node is up, has the expected version, and accepts writes."""
    try:
        document = _get_json(f"http://127.0.0.1:{port}/")
        health = _get_json(f"http://127.0.0.1:{port}/_cluster/health?timeout=1s")
    except (OSError, ValueError, urllib.error.URLError):
        return False
    return bool(
        document["version"]["number"] == VERSION and health["status"] in ("green", "yellow")
    )


def _get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own node
        return json.load(response)
