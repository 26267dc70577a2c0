"""Fetches pinned files: in parallel, checked by sha256, never partial."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from sim.setup.problems import SetupError

PINNED = Path(__file__).with_name("downloads.lock")
CONNECTIONS = 8
ATTEMPTS = 4
SILENCE_S = 30.0
"""A download that receives nothing for this long is aborted and retried."""


@dataclasses.dataclass(frozen=True)
class PinnedFile:
    """One file that set-up may fetch."""

    kind: str
    sha256: str
    size_bytes: int
    url: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.url.rsplit("/", 1)[-1]

    def path(self, downloads: Path) -> Path:
        """Its path in the folder of downloads, named by its content."""
        return downloads / self.sha256 / self.name

    def is_there(self, downloads: Path) -> bool:
        """Whether it has been fetched; its content was checked at that time."""
        path = self.path(downloads)
        return path.is_file() and path.stat().st_size == self.size_bytes


def read_pinned(kind: str, lock: Path = PINNED) -> tuple[PinnedFile, ...]:
    """The pinned files of a kind, in the order of the list."""
    base = ""
    files = []
    for line in lock.read_text().splitlines():
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] == "from":
            base = words[1]
        elif words[0] == kind:
            files.append(PinnedFile(kind, words[1], int(words[2]), f"{base}/{words[3]}"))
    if not files:
        raise ValueError(f"{lock} names no file of kind {kind!r}")
    return tuple(files)


def fetch_missing(
    files: Sequence[PinnedFile],
    downloads: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Fetches every missing file.

    Args:
        files: The required files.
        downloads: The folder to put them in.
        progress: Called from this thread after each file with bytes fetched and bytes in all.
        sleep: Waits between attempts.

    Raises:
        SetupError: A file could not be fetched, or its content isn't the pinned one.
    """
    total = sum(file.size_bytes for file in files)
    missing = [file for file in files if not file.is_there(downloads)]
    done = total - sum(file.size_bytes for file in missing)
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        running = {pool.submit(_fetch, file, downloads, sleep): file for file in missing}
        try:
            for finished in concurrent.futures.as_completed(running):
                finished.result()
                done += running[finished].size_bytes
                progress(done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(file: PinnedFile, downloads: Path, sleep: Callable[[float], object]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            content = _get(file.url)
            break
        except (OSError, urllib.error.URLError) as problem:
            if attempt == ATTEMPTS:
                raise SetupError(
                    f"could not download {file.name} from {file.url}: {problem}",
                    "Check the network (HTTPS_PROXY is respected) and run it again: what has "
                    "been fetched is kept.",
                ) from problem
            sleep(0.5 * 2**attempt)
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise SetupError(
            f"{file.url} has sha256 {found}, but {file.sha256} is pinned in {PINNED.name}",
            "Something on the way changed it (a proxy's error page?): don't use it.",
        )
    _put(content, file.path(downloads))


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=SILENCE_S) as response:  # noqa: S310 - pinned URLs
        content: bytes = response.read()
        return content


def _put(content: bytes, path: Path) -> None:
    """Writes the file atomically: another set-up may be reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
