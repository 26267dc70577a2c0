"""The contents of the containers' images, and that they run without the rest of this tree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.images import CONSUMER, IMAGES, Image, build_contexts, context_files, tag_of
from deploy.import_closure import import_closure
from deploy.package import PROJECT

REQUIREMENTS = "a==1 --hash=sha256:0\n"


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory):
    return build_contexts(
        out=tmp_path_factory.mktemp("build"), requirements_of=lambda _group: REQUIREMENTS
    )


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_image_has_the_import_closure_and_no_other_module(image: Image, contexts) -> None:
    closure = {
        path.relative_to(PROJECT).as_posix()
        for module in image.modules
        for path in import_closure(module, PROJECT).modules.values()
    }

    assert files_in(contexts[image.name].folder / "app") == closure
    assert files_in(contexts[image.name].folder) == {
        "Dockerfile",
        "requirements.txt",
        *(f"app/{name}" for name in closure),
    }


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_image_imports_nothing_else_of_this_tree(image: Image, contexts, tmp_path: Path) -> None:
    app = contexts[image.name].folder / "app"
    program = (
        "import importlib, sys\n"
        f"for name in {list(image.modules)!r}: importlib.import_module(name)\n"
        "print(*[m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)],"
        " sep='\\n')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(app), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    # The folders of tests may be in this tree, too.
    elsewhere = [line for line in done.stdout.splitlines() if not line.startswith(str(app))]
    ours = [line for line in elsewhere if line.startswith(str(PROJECT))]
    assert not [line for line in ours if "/.venv/" not in line]


def test_the_same_sources_have_the_same_tag() -> None:
    files = context_files(CONSUMER, requirements=REQUIREMENTS)
    again = dict(reversed(files.items()))

    assert tag_of(files) == tag_of(again)
    assert re.fullmatch(r"[0-9a-f]{16}", tag_of(files))


def test_any_change_leads_to_another_tag() -> None:
    files = context_files(CONSUMER, requirements=REQUIREMENTS)
    known = tag_of(files)

    for name in ("Dockerfile", "requirements.txt", "app/consumer/daemon.py"):
        assert tag_of({**files, name: files[name] + b" "}) != known
    assert tag_of({**files, "app/another.py": b""}) != known


def test_a_build_context_contains_no_files_of_an_earlier_one(tmp_path: Path) -> None:
    contexts = build_contexts(out=tmp_path, requirements_of=lambda _group: REQUIREMENTS)
    folder = contexts[CONSUMER.name].folder
    (folder / "app" / "old.py").write_text("")

    build_contexts(out=tmp_path, requirements_of=lambda _group: REQUIREMENTS)

    assert not (folder / "app" / "old.py").exists()
    assert not [path for path in folder.parent.iterdir() if path.name.startswith("tmp")]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_dockerfile_has_a_build_stage_and_an_unprivileged_user(image: Image) -> None:
    text = (PROJECT / image.dockerfile).read_text(encoding="utf-8")
    instructions = re.findall(r"^([A-Z]+) (.*)$", text, re.MULTILINE)

    assert [value for name, value in instructions if name == "USER"] == ["10001:10001"]
    assert len([value for name, value in instructions if name == "FROM"]) == 2
    assert instructions[-1][0] == "CMD"
    assert "COPY . " not in text


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_containers_command_is_in_its_image(image: Image) -> None:
    text = (PROJECT / image.dockerfile).read_text(encoding="utf-8")
    command = text[text.rindex("CMD [") :]
    started = re.findall(r'"-m", "([\w.]+)"', command)

    assert started
    for module in started:
        assert {module, f"{module}.__main__"} & set(image.modules)
