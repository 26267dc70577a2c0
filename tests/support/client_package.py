"""The TypeScript client as it would be published: packed by npm, and unpacked."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from sim.setup.places import find_places
from sim.setup.web import node_command, node_folder, packages_are_there


def unpacked(folder: Path) -> Path:
    """Packs and unpacks the client to a folder; skips the test if packages are not installed."""
    places = find_places()
    if not packages_are_there(places):
        pytest.skip("the web pages' packages are not installed: make setup")
    node = node_command(places)
    npm = node_folder(places) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["pack", "--offline", "--loglevel=error", f"--pack-destination={folder}"]
    subprocess.run(
        [node, npm, *options],
        cwd=places.web / "client",
        env={**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
        check=True,
        capture_output=True,
    )
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"
