"""The folders that set-up uses: inside the work tree, and in a cache that clones share."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
"""The root of the work tree."""

UV_VERSION = "0.13.9"


@dataclasses.dataclass(frozen=True)
class Places:
    """The folders of one work tree and its cache.

    The cache holds only what can be fetched or built again, under names that change with the
    content, so that any number of clones and versions can use it side by side.
    """

    project: Path
    cache: Path

    @property
    def venv(self) -> Path:
        """The virtual environment of the project itself."""
        return self.project / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of `venv`."""
        return self.venv / "bin" / "python"

    @property
    def ministack_venv(self) -> Path:
        """The local AWS's own environment: it pins another botocore than the project."""
        return self.project / ".tools" / "ministack"

    @property
    def ministack(self) -> Path:
        """The local AWS's program."""
        return self.ministack_venv / "bin" / "ministack"

    @property
    def docs_venv(self) -> Path:
        """The environment that renders the documentation."""
        return self.project / ".tools" / "docs"

    @property
    def uv_home(self) -> Path:
        """Where uv itself is installed."""
        machine = f"{platform.system()}-{platform.machine()}".lower()
        return self.cache / "tools" / f"uv-{UV_VERSION}-{machine}"

    @property
    def uv(self) -> Path:
        """The uv program."""
        return self.uv_home / "bin" / "uv"

    @property
    def uv_cache(self) -> Path:
        """Where uv caches wheels, the one built for the KCL with its jars among them."""
        return self.cache / "uv"

    @property
    def downloads(self) -> Path:
        """Fetched files, by sha256."""
        return self.cache / "downloads"

    @property
    def opensearch(self) -> Path:
        """What is built for the OpenSearch node: one folder per version of its ingredients."""
        return self.cache / "opensearch"

    @property
    def mqtt_broker(self) -> Path:
        """What is built for the MQTT broker: one folder per version of its ingredients."""
        return self.cache / "mqtt-broker"

    @property
    def web(self) -> Path:
        """The sources of the web pages."""
        return self.project / "web"

    @property
    def chromium(self) -> Path:
        """Where the browser of the tests is unpacked: one folder per version."""
        return self.cache / "chromium"

    @property
    def npm_cache(self) -> Path:
        """Where npm caches packages."""
        return self.cache / "npm"

    @property
    def kinesis_local(self) -> Path:
        """Where kinesis-local is unpacked: one folder per version."""
        return self.cache / "kinesis-local"


def find_places(environ: Mapping[str, str] = os.environ, project: Path = PROJECT) -> Places:
    """The folders for an environment: the cache is `RTDTS_CACHE`, or rtdts in the user's cache."""
    named = environ.get("RTDTS_CACHE")
    if named:
        return Places(project=project, cache=Path(named).expanduser().absolute())
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache"
    return Places(project=project, cache=Path(base).absolute() / "rtdts")
