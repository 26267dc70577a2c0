"""Writes a zip whose bytes depend only on its files: the same sources give the same archive."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that the format allows, so that the time of a build does not matter."""
READABLE_FILE = 0o100644
"""A Lambda runs as its own user, so its files must be readable by all users."""
UNIX = 3


def write_archive(path: Path, files: Mapping[str, bytes]) -> None:
    """Writes the archive whole or not at all.

    Args:
        path: Where to write; its folder is created.
        files: Contents by name in the archive, with ``/`` between folders.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, date_time=FIXED_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = UNIX
                entry.external_attr = READABLE_FILE << 16
                archive.writestr(entry, files[name], compresslevel=6)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def digest_of(files: Mapping[str, bytes]) -> str:
    """A digest of names and contents: the same for the same files."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return digest.hexdigest()
