"""Rules for the sources that no linter checks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests.support.source_tree import (
    DEPLOYABLES,
    HANDED_OUT,
    ROOT,
    module_name,
    python_files,
    syntax_of,
    where,
)

A_SIMULATOR = re.compile(
    r"\bsim\b|simulat|ministack|localstack|localhost|127\.0\.0\.1|\b4566\b|\b9200\b", re.IGNORECASE
)

NO_CLIENT_AT_IMPORT = """
import importlib, os, socket, sys

def reject(*_, **__):
    raise AssertionError("a client was built, or the network used, at import")

import botocore.session
botocore.session.Session.create_client = reject
socket.socket.connect = reject
try:
    import opensearchpy
    opensearchpy.OpenSearch.__init__ = reject
except ImportError:
    pass
os.environ.clear()
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@pytest.mark.parametrize("package", HANDED_OUT)
def test_no_product_code_names_a_simulator(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in python_files(package)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if A_SIMULATOR.search(line)
    ]

    assert not found


@pytest.mark.parametrize("package", HANDED_OUT)
def test_production_never_prints(package: str) -> None:
    """In the consumer, standard output is the KCL's protocol; elsewhere it is not a log either."""
    found = [
        where(path, node)
        for path in python_files(package)
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert not found


def test_only_entry_points_and_bootstraps_read_the_environment() -> None:
    """An entry point passes it to its bootstrap, which passes values to all other code."""
    may = ("bootstrap", "handler", "authorizer", "daemon", "__main__")
    allowed = {f"{deployable}.{module}" for deployable in DEPLOYABLES for module in may}
    found = [
        where(path, node)
        for path in python_files(*HANDED_OUT)
        if module_name(path) not in allowed
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]

    assert not found


@pytest.mark.parametrize("package", HANDED_OUT)
def test_importing_a_module_builds_no_client_and_needs_no_setting(package: str) -> None:
    names = [
        name
        for path in python_files(package)
        if not (name := module_name(path)).endswith(".__main__")
    ]

    done = subprocess.run(
        [sys.executable, "-c", NO_CLIENT_AT_IMPORT, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert names
    assert done.returncode == 0, done.stderr
    assert not done.stdout


def test_no_two_test_files_have_the_same_name() -> None:
    """Pytest imports them by name: a run of all tests would fail, but a run of some would not."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]

    assert [name for name in sorted(set(names)) if names.count(name) > 1] == []
