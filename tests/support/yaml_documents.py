"""The API documents as plain values."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.source_tree import ROOT


@functools.cache
def document(name: str) -> dict[str, Any]:
    """Returns a document in docs/ such as ``openapi.yaml``, which is read once."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


def references(node: Any) -> Iterator[str]:
    """Yields each ``$ref`` in a document or in a part of it."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def inlined(node: Any, document: dict[str, Any]) -> Any:
    """Returns a schema with each reference replaced by its target.

    A validator would spend half of its time on resolving references for each value.
    """
    if isinstance(node, dict):
        if "$ref" in node:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            target = follow(document, node["$ref"])
            return inlined({"allOf": [target], **beside} if beside else target, document)
        return {key: inlined(value, document) for key, value in node.items()}
    return [inlined(one, document) for one in node] if isinstance(node, list) else node


def follow(document: dict[str, Any], reference: str) -> Any:
    """Returns the part of a document that a reference names.

    Raises:
        KeyError: The document has no such part.
    """
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node
