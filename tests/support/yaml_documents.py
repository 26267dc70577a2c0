"""The API documents as plain values."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.source_tree import ROOT


@functools.cache
def document(name: str) -> dict[str, Any]:
    """One of docs/, read once: ``openapi.yaml``."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded


def references(node: Any) -> Iterator[str]:
    """Each ``$ref`` in a document or in a part of it."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def inlined(node: Any, document: dict[str, Any]) -> Any:
    """A schema with each reference replaced by what it leads to.

    To look each up anew for each value takes a validator half of its time.
    """
    if isinstance(node, dict):
        if "$ref" in node:
            beside = {key: value for key, value in node.items() if key != "$ref"}
            target = follow(document, node["$ref"])
            return inlined({"allOf": [target], **beside} if beside else target, document)
        return {key: inlined(value, document) for key, value in node.items()}
    return [inlined(one, document) for one in node] if isinstance(node, list) else node


def follow(document: dict[str, Any], reference: str) -> Any:
    """The part of a document to which a reference leads.

    Raises:
        KeyError: There is none.
    """
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node
