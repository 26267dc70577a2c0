"""The jars that set-up fetches itself: OpenSearch's, its compiler's, and one for the KCL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim.setup.downloads import PinnedFile, fetch_missing, read_pinned
from sim.setup.places import Places


def needed_files() -> tuple[PinnedFile, ...]:
    """Every jar that the local cloud needs beside those in Python packages."""
    return (*read_pinned("opensearch"), *read_pinned("compiler"), *read_pinned("kcl"))


def jars_are_there(places: Places) -> bool:
    """Whether all jars have been fetched."""
    return all(file.is_there(places.downloads) for file in needed_files())


def fetch_jars(places: Places, progress: Callable[[int, int], None]) -> None:
    """Fetches what is missing of the jars."""
    fetch_missing(needed_files(), places.downloads, progress=progress)


def kcl_jars(places: Places) -> tuple[Path, ...]:
    """What the KCL's daemon needs and `amazon_kclpy` does not bring."""
    return tuple(file.path(places.downloads) for file in read_pinned("kcl"))
