"""The jars that set-up fetches: OpenSearch's, the MQTT broker's, a compiler, one for the KCL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim.setup.downloads import PinnedFile, fetch_missing, read_pinned
from sim.setup.places import Places


def needed_files() -> tuple[PinnedFile, ...]:
    """Every jar that the local cloud needs besides those in Python packages."""
    kinds = ("opensearch", "mqtt", "compiler", "kcl")
    return tuple(file for kind in kinds for file in read_pinned(kind))


def jars_are_there(places: Places) -> bool:
    """Whether all jars have been fetched."""
    return all(file.is_there(places.downloads) for file in needed_files())


def fetch_jars(places: Places, progress: Callable[[int, int], None]) -> None:
    """Fetches the missing jars."""
    fetch_missing(needed_files(), places.downloads, progress=progress)


def kcl_jars(places: Places) -> tuple[Path, ...]:
    """The jars that the KCL's daemon needs and `amazon_kclpy` does not contain."""
    return tuple(file.path(places.downloads) for file in read_pinned("kcl"))
