"""How the node is started: its command, its environment, and when it answers.

The standard library only: set-up starts one too, to record the class-data archive.
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
    """What a node is made of, as set-up has prepared it."""

    java: Path
    class_path: tuple[Path, ...]
    """The launcher's jar first, then OpenSearch's, in the order that the archive was made with."""
    archive: Path
    """Class-data archive: halves the time to boot. The JVM ignores one that doesn't fit."""


def node_command(
    files: NodeFiles, *, home: Path, port: int, jvm_options: Sequence[str] = ()
) -> list[str]:
    """The command line of a node that listens on 127.0.0.1 only.

    Args:
        files: From set-up.
        home: The node's own folder; its data live below.
        port: Of HTTP. The transport port, which a node alone has no use for, is any free one.
        jvm_options: More of them.
    """
    return [
        str(files.java),
        f"-Xms{HEAP_MB}m",
        f"-Xmx{HEAP_MB}m",
        # With the serial collector, which the JVM picks on small machines, the circuit breaker
        # that looks at real memory answers 429 without end.
        "-XX:+UseG1GC",
        f"-XX:SharedArchiveFile={files.archive}",
        "-Xshare:auto",
        "-Xlog:disable",  # else an archive that doesn't fit is complained of at every start
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
    """The environment of a node. The class path is in it, so that ``ps`` stays readable."""
    return {**environ, "CLASSPATH": os.pathsep.join(map(str, files.class_path))}


def prepare_home(home: Path) -> None:
    """Makes the folders that a node needs to find."""
    for name in ("config", "data", "logs", "tmp"):
        (home / name).mkdir(parents=True, exist_ok=True)


def node_responds(port: int) -> bool:
    """Whether the node is up, of the version that we mean, and takes writes."""
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
