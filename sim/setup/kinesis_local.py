"""kinesis-local, a Kinesis that reshards as AWS's does, for tests (3 MB; Node comes as a wheel)."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from sim.setup.downloads import PinnedFile, fetch_missing, read_pinned
from sim.setup.places import Places
from sim.setup.problems import SetupError

PROGRAM = "main.js"
FILES = (PROGRAM, "server.json", "package.json", "LICENSE")
_OTHER_VERSION = "Is another version pinned than this was written for?"


def kinesis_local(places: Places) -> Path:
    """Path of its program, installed or not; it needs its own folder as working directory."""
    return places.kinesis_local / _pinned().sha256[:16] / PROGRAM


def kinesis_local_is_there(places: Places) -> bool:
    """Whether it is unpacked."""
    return kinesis_local(places).is_file()


def fetch_kinesis_local(places: Places) -> None:
    """Fetches and unpacks it atomically.

    Raises:
        SetupError: It could not be fetched.
    """
    pinned = _pinned()
    fetch_missing([pinned], places.downloads)
    folder = kinesis_local(places).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        with tarfile.open(pinned.path(places.downloads)) as package:
            for name in FILES:
                content = package.extractfile(f"package/{name}")
                if content is None:
                    raise SetupError(f"{pinned.name} has no file {name}", _OTHER_VERSION)
                (unfinished / name).write_bytes(content.read())
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _pinned() -> PinnedFile:
    (pinned,) = read_pinned("kinesis-local")
    return pinned
