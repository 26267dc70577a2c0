"""Command and environment of the broker.

Uses only the standard library, because set-up imports it too.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

HEAP_MB = 256
MAX_BYTES = 64 * 2**20
"""Limit of messages that no bridge has received yet. Beyond it no publish is acknowledged."""
SOURCE = Path(__file__).with_name("LocalBroker.java")
READY = "broker_ready"


@dataclasses.dataclass(frozen=True)
class BrokerFiles:
    """The files of a broker that set-up has prepared."""

    java: Path
    class_path: tuple[Path, ...]
    """The launcher's jar first, then Artemis'."""


def broker_command(
    files: BrokerFiles,
    *,
    data: Path,
    port: int,
    issuer: str,
    audience: str,
    phones_url: str,
    max_bytes: int = MAX_BYTES,
) -> list[str]:
    """The command line of a broker that listens on 127.0.0.1 only.

    Args:
        files: The files from set-up.
        data: The broker's own folder; acknowledged messages outlive its process there.
        port: The MQTT port.
        issuer: URL of the identity provider; not needed before the first client connects.
        audience: Audience of its tokens.
        phones_url: URL that checks a phone's user and password, as OwnTracks sends them over HTTP.
        max_bytes: Limit of messages that no bridge has received yet.
    """
    return [
        str(files.java),
        f"-Xmx{HEAP_MB}m",
        "-XX:+UseSerialGC",
        "--sun-misc-unsafe-memory-access=allow",  # for Netty; Java 24 and later warn about it
        "--enable-native-access=ALL-UNNAMED",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "LocalBroker",
        f"data={data}",
        f"port={port}",
        f"jwks={issuer}/jwks.json",
        f"issuer={issuer}",
        f"audience={audience}",
        f"phones={phones_url}",
        f"maxBytes={max_bytes}",
    ]


def broker_environment(
    files: BrokerFiles, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a broker. It contains the class path, so that ``ps`` stays readable."""
    return {**environ, "CLASSPATH": os.pathsep.join(map(str, files.class_path))}
