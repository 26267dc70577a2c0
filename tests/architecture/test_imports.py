"""Which imports are allowed, beyond the layers that import-linter checks (see pyproject.toml)."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib

import pytest

from tests.support.source_tree import (
    DEPLOYABLES,
    PRODUCTION,
    ROOT,
    imports_of,
    module_name,
    python_files,
    syntax_of,
    where,
)

OUTSIDE_WORLD = {
    "asyncio", "concurrent", "ftplib", "http", "io", "logging", "multiprocessing", "os", "pathlib",
    "queue", "random", "secrets", "select", "shutil", "signal", "smtplib", "socket", "sqlite3",
    "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
"""Standard modules with which a source can reach a clock, the network, files or the environment."""

WITH_IT = {"boto3": {"botocore"}, "aiohttp": {"yarl"}, "aiomqtt": {"paho"}}
"""Packages whose types are part of another's public interface: it installs them."""


def third_party(name: str) -> str | None:
    top = name.split(".")[0]
    ours = {"rtdts", "sim", "deploy", "tests", *DEPLOYABLES}
    return None if top in sys.stdlib_module_names or top in ours else top


def test_the_import_layers_are_respected() -> None:
    linter = ROOT / ".venv" / "bin" / "lint-imports"
    command = [str(linter) if linter.exists() else "lint-imports", "--no-cache"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_domain_imports_only_msgspec_and_no_io() -> None:
    found = {
        (module_name(path), name)
        for path in python_files("rtdts/tracking")
        for name in imports_of(path)
        if third_party(name) not in (None, "msgspec") or name.split(".")[0] in OUTSIDE_WORLD
    }

    assert not found


def test_the_domain_reads_no_clock() -> None:
    found = [
        where(path, node)
        for path in python_files("rtdts/tracking")
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
    ]

    assert not found


def installed_by(group: str) -> set[str]:
    """Returns the import names of the packages that a dependency group declares directly."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    expected = {
        normal(re.split(r"[\[~=<>! ]", requirement)[0])
        for requirement in declared["dependency-groups"][group]
    }
    names = {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if expected & {normal(distribution) for distribution in distributions}
    }
    return names.union(*(WITH_IT[name] for name in names & WITH_IT.keys()))


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def closure(package: str) -> set[str]:
    """Returns our modules that a deployable imports, directly or not, including its own."""
    sources = {module_name(path): path for path in python_files(*PRODUCTION)}
    todo = [name for name in sources if name.split(".")[0] == package]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen or name not in sources:
            continue
        seen.add(name)
        todo.extend(imports_of(sources[name]))
    return seen


@pytest.mark.parametrize("deployable", DEPLOYABLES)
def test_a_deployable_declares_every_package_that_it_imports(deployable: str) -> None:
    sources = {module_name(path): path for path in python_files(*PRODUCTION)}
    needed = {
        outside
        for name in closure(deployable)
        for imported in imports_of(sources[name])
        if (outside := third_party(imported))
    }

    assert needed <= installed_by(deployable)


def test_the_client_declares_exactly_the_packages_that_it_imports() -> None:
    declared = tomllib.loads((ROOT / "rtdts_client/pyproject.toml").read_text(encoding="utf-8"))
    requirements = declared["project"]["dependencies"]
    used = {
        name.split(".")[0]
        for path in python_files("rtdts_client")
        for name in imports_of(path)
        if name.split(".")[0] not in {"rtdts_client", *sys.stdlib_module_names}
    }

    assert used == {re.split(r"[\[~=<>! ]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("module", ["messages", "view", "timing", "protocol", "session"])
def test_the_clients_decisions_import_no_clock_and_no_network(module: str) -> None:
    path = ROOT / "rtdts_client" / f"{module}.py"

    assert not {name.split(".")[0] for name in imports_of(path)} & OUTSIDE_WORLD
