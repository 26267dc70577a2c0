"""How the broker is started.

The standard library only: set-up reads it too.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

HEAP_MB = 256
MAX_BYTES = 64 * 2**20
"""Of messages that no bridge has taken. Beyond it no publish is acknowledged."""
SOURCE = Path(__file__).with_name("LocalBroker.java")
READY = "broker_ready"


@dataclasses.dataclass(frozen=True)
class BrokerFiles:
    """What a broker is made of, as set-up has prepared it."""

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
        files: From set-up.
        data: The broker's own folder; what it has acknowledged outlives its process there.
        port: Of MQTT.
        issuer: URL of the identity provider; it needs to run only when the first client comes.
        audience: For whom its tokens are.
        phones_url: Where a phone's user and password are tried, as OwnTracks sends them over HTTP.
        max_bytes: Of messages that no bridge has taken.
    """
    return [
        str(files.java),
        f"-Xmx{HEAP_MB}m",
        "-XX:+UseSerialGC",
        "--sun-misc-unsafe-memory-access=allow",  # Netty's; Java 24 and later complain of it
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
    """The environment of a broker. The class path is in it, so that ``ps`` stays readable."""
    return {**environ, "CLASSPATH": os.pathsep.join(map(str, files.class_path))}
