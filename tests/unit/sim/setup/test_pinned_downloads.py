from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sim.setup.downloads import ATTEMPTS, PinnedFile, fetch_missing, read_pinned
from sim.setup.problems import SetupError


def never(seconds: float) -> None:
    raise AssertionError("there was nothing to wait for")


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "registry"
    folder.mkdir()
    return folder


def publish(registry: Path, name: str, content: bytes) -> PinnedFile:
    (registry / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return PinnedFile("jar", digest, len(content), f"{registry.as_uri()}/{name}")


def test_missing_files_are_fetched_and_reported(registry: Path, tmp_path: Path) -> None:
    files = [publish(registry, "a.jar", b"aaa"), publish(registry, "b.jar", b"bb")]
    document: list[tuple[int, int]] = []

    fetch_missing(
        files, tmp_path / "cache", progress=lambda *both: document.append(both), sleep=never
    )

    assert [file.path(tmp_path / "cache").read_bytes() for file in files] == [b"aaa", b"bb"]
    assert document[-1] == (5, 5)


def test_existing_files_are_not_fetched_again(registry: Path, tmp_path: Path) -> None:
    file = publish(registry, "a.jar", b"aaa")
    fetch_missing([file], tmp_path / "cache", sleep=never)
    (registry / "a.jar").unlink()

    fetch_missing([file], tmp_path / "cache", sleep=never)

    assert file.is_there(tmp_path / "cache")


def test_a_file_with_another_hash_is_rejected_and_not_kept(registry: Path, tmp_path: Path) -> None:
    file = publish(registry, "a.jar", b"aaa")
    (registry / "a.jar").write_bytes(b"an error page")

    with pytest.raises(SetupError, match="is pinned"):
        fetch_missing([file], tmp_path / "cache", sleep=never)

    assert not file.is_there(tmp_path / "cache")


def test_a_failing_download_is_retried_and_then_reported_with_its_url(
    registry: Path, tmp_path: Path
) -> None:
    file = publish(registry, "a.jar", b"aaa")
    (registry / "a.jar").unlink()
    waited: list[float] = []

    with pytest.raises(SetupError) as failed:
        fetch_missing([file], tmp_path / "cache", sleep=waited.append)

    assert len(waited) == ATTEMPTS - 1
    assert waited == sorted(waited)
    assert file.url in failed.value.what
    assert "run it again" in failed.value.remedy


def test_a_download_that_succeeds_on_a_retry_is_kept(registry: Path, tmp_path: Path) -> None:
    file = publish(registry, "a.jar", b"aaa")
    (registry / "a.jar").unlink()

    fetch_missing(
        [file], tmp_path / "cache", sleep=lambda _: (registry / "a.jar").write_bytes(b"aaa")
    )

    assert file.is_there(tmp_path / "cache")


def test_a_truncated_file_in_the_cache_is_fetched_again(registry: Path, tmp_path: Path) -> None:
    file = publish(registry, "a.jar", b"aaa")
    fetch_missing([file], tmp_path / "cache", sleep=never)
    file.path(tmp_path / "cache").write_bytes(b"a")

    fetch_missing([file], tmp_path / "cache", sleep=never)

    assert file.path(tmp_path / "cache").read_bytes() == b"aaa"


def test_the_committed_list_of_files_is_complete() -> None:
    jars = read_pinned("opensearch")

    assert len({jar.sha256 for jar in jars}) == len(jars)
    assert any(jar.name == "opensearch-3.8.0.jar" for jar in jars)
    assert all(len(jar.sha256) == 64 and jar.url.startswith("https://") for jar in jars)
    assert all(len(read_pinned(kind)) == 1 for kind in ("compiler", "kinesis-local", "pip"))


def test_a_kind_of_file_that_is_not_in_the_list_is_an_error() -> None:
    with pytest.raises(ValueError, match="no file of kind"):
        read_pinned("typewriter")
