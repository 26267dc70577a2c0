"""What no tracked file may contain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT, tracked_files

LOCK_FILES = {"uv.lock", "package-lock.json"}
DOWNLOAD_LIST = Path("sim/setup/downloads.lock")
"""The only file that lists URLs of downloads."""

REGISTRY = re.compile(
    r"\b(?:[a-z0-9-]+\.)*(?:pypi\.org|pythonhosted\.org|npmjs\.org|crates\.io|maven\.org"
    r"|apache\.org/maven2?|golang\.org/proxy|debian\.org)\b"
)
OTHER_PLACES = ["/", "/tmp", "/var/tmp"]  # noqa: S108 - only compared with
HOME_FOLDER = re.compile(r"(?:^|[\s\"'`=(:])/(?:root|home/\w+|Users/\w+)/")


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked_files():
        try:
            found.append((path.relative_to(ROOT), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_file_contains_a_path_of_a_developers_machine() -> None:
    parent = str(ROOT.parent)
    found = [
        str(path)
        for path, text in texts()
        if HOME_FOLDER.search(text) or (parent not in OTHER_PLACES and parent + "/" in text)
    ]

    assert not found


def test_only_ci_uses_a_folder_outside_the_clone() -> None:
    beside = "../" + "shared/terraform"

    assert [str(path) for path, text in texts() if beside in text] == [".ci/run"]


def test_only_lock_files_and_the_download_list_contain_a_registrys_host() -> None:
    found = [
        f"{path}:{number}"
        for path, text in texts()
        if path.name not in LOCK_FILES and path != DOWNLOAD_LIST
        for number, line in enumerate(text.splitlines(), 1)
        if REGISTRY.search(line)
        and not (path.name.startswith("Dockerfile") and line.startswith("FROM "))
        and path != Path(__file__).relative_to(ROOT)
    ]

    assert not found


def test_every_file_ends_with_a_newline_and_has_no_conflict_markers() -> None:
    found = [
        str(path)
        for path, text in texts()
        if not path.name.startswith(("LICENSE", "NOTICE"))  # texts of other authors, unchanged
        and (
            re.search(r"^(?:<{7}|>{7}) ", text, re.MULTILINE) or (text and not text.endswith("\n"))
        )
    ]

    assert not found


@pytest.mark.parametrize("home", ["root", "home/me", "Users/me"])
@pytest.mark.parametrize("line", ["cd {}/x", "see `{}/x`", 'path = "{}/x"', "export A={}/b"])
def test_a_path_in_a_home_folder_is_recognised(home: str, line: str) -> None:
    assert HOME_FOLDER.search(line.format(f"/{home}"))
