"""The project's own sources, read as text, for tests of its structure."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOYABLES = (
    "ingest_lambda",
    "iot_lambda",
    "delivery_lambda",
    "track_lambda",
    "socket_lambda",
    "consumer",
    "broadcaster",
    "mqtt_bridge",
    "search_admin_lambda",
    "operations",
)
PRODUCTION = ("rtdts", *DEPLOYABLES)
HANDED_OUT = (*PRODUCTION, "rtdts_client")
"""Packages that run at users, including the library that their programs import."""


def python_files(*packages: str) -> list[Path]:
    """Returns every Python source of these top-level folders (or folders below them).

    Files in the run folder of a local cloud are not sources.
    """
    found = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if not path.is_relative_to(ROOT / "sim" / "run"))


@functools.cache
def syntax_of(path: Path) -> ast.Module:
    """Returns a source's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path: Path) -> Iterator[str]:
    """Returns the dotted names that a source imports when it runs, anywhere in it.

    ``from a import b`` yields both ``a`` and ``a.b``: without running it, it is unknown whether
    ``b`` is a module. Imports under ``if TYPE_CHECKING`` are never run.
    """
    for node in _run(syntax_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")):
            yield from _run(child)


def module_name(path: Path) -> str:
    """Returns the dotted name under which a source is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tracked_files() -> list[Path]:
    """Returns all files that git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def where(path: Path, node: ast.AST) -> str:
    """Returns ``file:line``, for an assertion's message."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
