"""Finds which of our modules and third-party packages a module needs, without running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


class ImportClosureError(Exception):
    """A module that is imported can't be found or parsed."""


@dataclass(frozen=True)
class ImportClosure:
    """Everything that importing one module imports, including imports inside functions.

    Attributes:
        modules: Our modules by dotted name, each with its file; also the packages around them.
        third_party: Top-level names of everything else that is not the standard library.
    """

    modules: Mapping[str, Path]
    third_party: frozenset[str]


def import_closure(entry: str, root: Path) -> ImportClosure:
    """Follows the imports of `entry` through the source tree at `root`.

    Imports for type checkers only (``if TYPE_CHECKING``) don't count. Names given to ``importlib``
    can't be found.

    Args:
        entry: Dotted name of a module in the tree.
        root: The folder that is on ``sys.path`` when the module runs.

    Raises:
        ImportClosureError: A module of the tree imports one that does not exist.
    """
    modules: dict[str, Path] = {}
    third_party: set[str] = set()
    waiting = [entry]
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        path = _find(name, root)
        if path is None:
            raise ImportClosureError(f"{name} is imported, but not in {root}")
        if path.is_file():
            modules[name] = path
        for imported in (*_parents(name), *(_imports(name, path, root) if path.is_file() else ())):
            top = imported.partition(".")[0]
            if _find(top, root) is None:
                if top not in sys.stdlib_module_names:
                    third_party.add(top)
            elif imported not in seen:
                seen.add(imported)
                waiting.append(imported)
    return ImportClosure(modules=dict(sorted(modules.items())), third_party=frozenset(third_party))


def _find(name: str, root: Path) -> Path | None:
    """The module's file; the folder of a package without a file of its own; None."""
    base = root.joinpath(*name.split("."))
    for candidate in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if candidate.is_file():
            return candidate
    return base if base.is_dir() and any(base.glob("*.py")) else None


def _parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for length in range(1, len(parts)):
        yield ".".join(parts[:length])


def _imports(name: str, path: Path, root: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise ImportClosureError(f"{path} can't be parsed: {error}") from error
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _running_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield base
            # `from package import name`: the name may be a module, or something inside.
            for alias in node.names:
                if _find(f"{base}.{alias.name}", root) is not None:
                    yield f"{base}.{alias.name}"


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    kept = parts[: len(parts) - (node.level - 1)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _is_for_type_checkers(child.test):
            for other in child.orelse:
                yield other
                yield from _running_nodes(other)
            continue
        yield child
        yield from _running_nodes(child)


def _is_for_type_checkers(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
