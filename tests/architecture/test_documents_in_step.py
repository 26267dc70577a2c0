"""Commands, links, paths, tests and settings that the documents name exist."""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from pathlib import Path

import pytest

from sim.__main__ import COMMANDS, module_of
from tests.support.source_tree import ROOT, tracked_files

DOCUMENTS = sorted(path for path in tracked_files() if path.suffix == ".md")
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
A_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+\.(?:py|md|yaml|toml|json|txt|lock)|(?:[\w.-]+/)+")
NOT_OURS_TO_KEEP = (
    "build/",
    "bench/results/",
    "sim/run/",
    "sim/.env",
    ".tools/",
    ".venv/",
    "rejected/",
)
"""Files that are created at run time."""


DECISIONS = ROOT / "docs" / "decisions"
REPLACED = {
    DECISIONS / name
    for name in re.findall(
        r"\]\(([\w-]+\.md)\) \|.*\(replaced by \d{4}\)",
        (DECISIONS / "README.md").read_text("utf-8"),
    )
}
"""Replaced decisions: they are not edited any more, so they may name what no longer exists."""


def code_of(document: Path) -> list[str]:
    """Returns all code in a document."""
    text = document.read_text(encoding="utf-8")
    return [block or word for block, word in CODE.findall(text)]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_links_of_a_document_lead_to_existing_files(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))

    assert not [link for link in links if not (document.parent / link).exists()]


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one not in REPLACED], ids=name)
def test_the_paths_that_a_document_names_exist(document: Path) -> None:
    named = {
        word.rstrip(":")
        for code in code_of(document)
        for word in code.split()
        if A_PATH.fullmatch(word) and not word.startswith(NOT_OURS_TO_KEEP)
    }

    assert not [path for path in named if not _is_there(path, document)]


def _is_there(path: str, document: Path) -> bool:
    # In a table of one folder's parts, a path may be relative to that folder.
    places = (ROOT, ROOT / "rtdts", document.parent)
    return any((place / path).exists() for place in places)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_tests_that_a_document_names_exist(document: Path) -> None:
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(test_\w+))?", document.read_text("utf-8"))
    missing = [
        (file, test)
        for file, test in named
        if not (ROOT / file).is_file()
        or (test and not re.search(rf"def {test}\b", (ROOT / file).read_text("utf-8")))
    ]

    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_make_targets_that_a_document_names_exist(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {
        target
        for code in code_of(document)
        for target in re.findall(r"(?:^|\n|\s)make ([a-z-]+)", code)
    }

    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_sim_commands_and_options_that_a_document_names_exist(document: Path) -> None:
    known = {command: _options(command) for command in COMMANDS}
    for code in code_of(document):
        for command, rest in re.findall(r"-m sim ([a-z][a-z-]*)([^\n|)]*)", code):
            assert command in known, code
            assert set(re.findall(r"--[a-z-]+", rest)) <= known[command], code


def _options(command: str) -> set[str]:
    parsers = argparse.ArgumentParser().add_subparsers()
    module_of(command).add_parser(parsers)
    return set(parsers.choices[command]._option_string_actions)


def test_decisions_are_numbered_consecutively_and_listed() -> None:
    written = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\d{4})(-[\w-]+\.md)\)", (DECISIONS / "README.md").read_text(), re.M
    )

    assert [f"{number}{rest}" for _, number, rest in listed] == written
    assert [number for number, _, _ in listed] == [f"{n:04}" for n in range(1, len(written) + 1)]
    for path in DECISIONS.glob("[0-9]*.md"):
        assert path.read_text().startswith(f"# {path.name[:4]}: ")


def test_a_replaced_decision_is_named_by_the_one_that_replaces_it() -> None:
    rows = re.findall(
        r"^\| \[\d{4}\]\(([\w-]+\.md)\) \|.*\(replaced by (\d{4})\)",
        (DECISIONS / "README.md").read_text("utf-8"),
        re.M,
    )

    for old, new in rows:
        (page,) = DECISIONS.glob(f"{new}-*.md")
        assert f"]({old})" in page.read_text("utf-8").split("\n\n")[1]
    assert len(rows) == len(REPLACED)


def test_the_version_is_the_newest_release_of_the_changelog() -> None:
    released = re.findall(r"^## \[(\d[\d.]*)\] - \d{4}-\d\d-\d\d$", _text("CHANGELOG.md"), re.M)
    versions = {
        tomllib.loads(_text("pyproject.toml"))["project"]["version"],
        tomllib.loads(_text("rtdts_client/pyproject.toml"))["project"]["version"],
        json.loads(_text("web/client/package.json"))["version"],
        *(
            package["version"]
            for package in tomllib.loads(_text("uv.lock"))["package"]
            if package["name"] == "rtdts"
        ),
    }

    assert versions == {released[0]}


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
