"""Checks memory and disk of the machine before something fails with an obscure error."""

from __future__ import annotations

import shutil
from pathlib import Path

from sim.setup.problems import SetupError

MEMORY_NEEDED_MB = 3_000
"""Memory of all parts: OpenSearch and the KCL's daemon use a Java heap of 512 MB each."""
MIN_MEMORY_MB = 2_000
"""With less, the kernel kills one of them sooner or later."""
DISK_NEEDED_MB = 2_000

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def check_memory(available_mb: int | None) -> str | None:
    """Checks the free memory; returns a warning when it is low.

    Raises:
        SetupError: There is too little to try.
    """
    if available_mb is None or available_mb >= MEMORY_NEEDED_MB:
        return None
    document = f"{available_mb} MB are free; the local cloud needs about {MEMORY_NEEDED_MB} MB"
    if available_mb < MIN_MEMORY_MB:
        raise SetupError(
            f"too little memory: {document}", "End other programs, or use a larger machine."
        )
    return f"little memory: {document}"


def check_disk(folder: Path, free_mb: int | None = None) -> None:
    """Checks the free space on the disk of the cache folder.

    Raises:
        SetupError: Too little space is free there.
    """
    if free_mb is None:
        free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < DISK_NEEDED_MB:
        raise SetupError(
            f"too little disk: {free_mb} MB are free at {folder}, {DISK_NEEDED_MB} are needed",
            "Free some, or name another folder: RTDTS_CACHE=/other/disk/rtdts",
        )


def available_memory_mb(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Memory that programs can still use, within the container's limit; None if unknown."""
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        available = int(fields["MemAvailable"].split()[0]) // 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit = int((cgroup / "memory.max").read_text()) // 2**20
        used = int((cgroup / "memory.current").read_text()) // 2**20
    except (OSError, ValueError):  # no cgroup, or "max"
        return available
    return min(available, limit - used)
