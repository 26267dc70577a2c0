from __future__ import annotations

from pathlib import Path

import pytest

from sim.setup.machine import available_memory_mb, check_disk, check_memory
from sim.setup.problems import SetupError


@pytest.mark.parametrize("available_mb", [None, 3_000, 16_000])
def test_enough_or_unknown_memory_causes_no_warning(available_mb: int | None) -> None:
    assert check_memory(available_mb) is None


def test_scarce_memory_causes_a_warning() -> None:
    assert "2500 MB" in (check_memory(2_500) or "")


def test_too_little_memory_is_rejected_with_the_amount_that_is_needed() -> None:
    with pytest.raises(SetupError, match="needs about 3000 MB"):
        check_memory(1_500)


def test_a_full_disk_is_rejected_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="RTDTS_CACHE"):
        check_disk(tmp_path, free_mb=100)

    check_disk(tmp_path, free_mb=10_000)


def meminfo(tmp_path: Path, available_kb: int) -> Path:
    file = tmp_path / "meminfo"
    file.write_text(f"MemTotal: 99 kB\nMemAvailable:   {available_kb} kB\n")
    return file


def test_available_memory_is_the_kernels_figure(tmp_path: Path) -> None:
    assert available_memory_mb(meminfo(tmp_path, 4 * 1024 * 1024), tmp_path / "none") == 4096


def test_available_memory_is_limited_by_the_container(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{2 * 2**30}\n")
    (tmp_path / "memory.current").write_text(f"{2**29}\n")

    assert available_memory_mb(meminfo(tmp_path, 4 * 1024 * 1024), tmp_path) == 1536


def test_a_container_without_a_limit_does_not_change_available_memory(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")

    assert available_memory_mb(meminfo(tmp_path, 4 * 1024 * 1024), tmp_path) == 4096


def test_available_memory_is_unknown_on_other_systems(tmp_path: Path) -> None:
    assert available_memory_mb(tmp_path / "none", tmp_path) is None
