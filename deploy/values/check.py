"""Checks every value of a planned resource against what AWS accepts."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from botocore.model import ListShape, MapShape, Shape, StructureShape

from deploy.terraform_tools import resources_of
from deploy.values import model
from deploy.values.combinations import COMBINATION_RULES
from deploy.values.sources import Written, written

HERE: Final = Path(__file__).parent
_ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12})?:\S+")
_MAPS: Final = {"dimensions", "tags", "triggers"}
_MADE_UP: Final = re.compile(r"[a-z0-9]{8}")
"""A mocked provider's value for an attribute that has no configured value."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of our own table: an AWS limit that is missing from botocore's model.

    Attributes:
        at: The attributes that it applies to, each as ``type.path``.
        source: Where AWS says so: a page, or a member of a model and its documentation.
        pattern: The pattern that the whole value must match.
        within: The smallest and the largest number, or the fewest and the most characters.
        minimum: The smallest alone.
        maximum: The largest alone.
        one_of: The only values.
        free: Why there are no limits beyond the model's, if any.
        instead: Whether to ignore the model's limits, because they are outdated.
    """

    at: tuple[str, ...]
    source: str | tuple[str, str] = ""
    pattern: str | None = None
    within: tuple[float, float] | None = None
    minimum: float | None = None
    maximum: float | None = None
    one_of: tuple[Any, ...] = ()
    free: str = ""
    instead: bool = False

    def faults(self, value: Any) -> Iterator[str]:
        """Yields each reason why AWS would reject a value."""
        minimum, maximum = self.within or (self.minimum, self.maximum)
        for why in model.faults(
            value, minimum=minimum, maximum=maximum, pattern=self.pattern, one_of=self.one_of
        ):
            yield f"{why} ({self.source if isinstance(self.source, str) else self.source[0]})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """The known limits of each type of resource.

    Attributes:
        models: By type: the request that creates it, if any, and the members of attributes.
        rules: By ``type.path``: our own rules.
    """

    models: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, tuple[Rule, ...]]


@functools.cache
def table() -> Table:
    """The table, read once."""
    models = tomllib.loads((HERE / "models.toml").read_text(encoding="utf-8"))
    models |= {kind: {} for kind in models.pop("without_request")}
    listed = tomllib.loads((HERE / "rules.toml").read_text(encoding="utf-8"))["rule"]
    rules: dict[str, tuple[Rule, ...]] = {}
    for rule in msgspec.convert(listed, list[Rule]):
        for path in rule.at:
            rules[path] = (*rules.get(path, ()), rule)
    return Table(models=models, rules=rules)


def check_values(state: Mapping[str, Any], root: Path) -> list[str]:
    """Everything in a planned state that AWS would reject, or that has no known limit.

    Args:
        state: The state that an environment's mocked apply leads to.
        root: The environment's folder.
    """
    resources = [
        (address, kind, values, written(root, address))
        for address, kind, values in resources_of(state)
    ]
    made_up = {
        value
        for _, _, values, as_written in resources
        for name, value in values.items()
        if name not in as_written.outermost and isinstance(value, str) and _MADE_UP.fullmatch(value)
    }
    found: dict[str, None] = {}  # each once, in order
    for address, kind, values, as_written in resources:
        for fault in _Resource(kind, as_written, made_up).faults(values):
            found[f"{address}: {fault}"] = None
    for rule in COMBINATION_RULES:
        for address, why in rule(
            [(address, kind, values) for address, kind, values, _ in resources]
        ):
            found[f"{address}: {why}"] = None
    return list(found)


class _Resource:
    """The check of one resource.

    Args:
        kind: Its type.
        as_written: What its configuration names.
        made_up: Values that mocks made up.
    """

    def __init__(self, kind: str, as_written: Written, made_up: Iterable[str]) -> None:
        self._kind = kind
        self._as_written = as_written
        self._made_up = made_up
        known = table().models.get(kind, {})
        self._members: Mapping[str, str] = known.get("members", {})
        self._request: str = known.get("model", "")

    def faults(self, values: Mapping[str, Any]) -> Iterator[str]:
        if self._kind not in table().models:
            yield f"{self._kind} has no request in deploy/values/models.toml"
            return
        request = model.member(self._request) if self._request else None
        for name in sorted(self._as_written.outermost & values.keys()):
            yield from self._attribute(name, request, name, values[name])

    def _attribute(self, path: str, parent: Shape | None, name: str, value: Any) -> Iterator[str]:
        """One attribute, or block, whose place is `path` within the resource."""
        if value in (None, "", [], {}) or isinstance(value, bool):
            return
        shape = self._shape(path, parent, name)
        if isinstance(shape, StructureShape | ListShape) and isinstance(value, str):
            value = json.loads(value) if value[0] in "[{" else value
            yield from self._parsed(path, shape, value)
        else:
            yield from self._value(path, shape, value)

    def _shape(self, path: str, parent: Shape | None, name: str) -> Shape | None:
        if path in self._members:
            where = self._members[path]
            return model.member(where if ":" in where else f"{self._request}:{where}")
        while isinstance(parent, ListShape):
            parent = parent.member
        return model.member_like(parent, name) if isinstance(parent, StructureShape) else None

    def _value(self, path: str, shape: Shape | None, value: Any) -> Iterator[str]:
        if isinstance(value, list):
            inner = shape.member if isinstance(shape, ListShape) else shape
            for one in value:
                yield from self._value(path, inner, one)
        elif isinstance(value, dict):
            # The keys of a map are all chosen by the configuration.
            if isinstance(shape, MapShape) or path.rpartition(".")[2] in _MAPS:
                yield from self._map(path, shape, value)
                return
            for name in sorted(self._as_written.anywhere & value.keys()):
                yield from self._attribute(f"{path}.{name}", shape, name, value[name])
        else:
            yield from self._scalar(path, shape, value)

    def _map(self, path: str, shape: Shape | None, value: Mapping[str, Any]) -> Iterator[str]:
        of_map = shape if isinstance(shape, MapShape) else None
        for key, one in value.items():
            yield from self._scalar(f"{path}.key", of_map.key if of_map else None, key)
            yield from self._scalar(f"{path}.value", of_map.value if of_map else None, one)

    def _scalar(self, path: str, shape: Shape | None, value: Any) -> Iterator[str]:
        if value in (None, "") or isinstance(value, bool) or value in self._made_up:
            return
        known = table().rules
        rules = (*known.get(f"{self._kind}.{path}", ()), *known.get(f"*.{path}", ()))
        if any(rule.instead for rule in rules):
            shape = None
        limited = shape is not None and model.is_limited(shape)
        if not rules and not limited and not _ARN.fullmatch(str(value)):
            yield (
                f"{path} = {_short(value)} has no limit in deploy/values/models.toml or rules.toml"
            )
        if shape is not None:
            for why in model.faults_of(shape, value):
                yield f"{path} = {_short(value)} {why} ({shape.name})"
        for rule in rules:
            for why in rule.faults(value):
                yield f"{path} = {_short(value)} {why}"

    def _parsed(self, path: str, shape: Shape, value: Any) -> Iterator[str]:
        """A value in AWS's own names, from JSON: the configuration sets all of it."""
        if isinstance(value, list):
            for one in value:
                yield from self._parsed(
                    path, shape.member if isinstance(shape, ListShape) else shape, one
                )
        elif isinstance(value, dict) and isinstance(shape, StructureShape):
            for name, one in value.items():
                if name in shape.members:
                    yield from self._parsed(f"{path}.{name}", shape.members[name], one)
                else:
                    yield f"{path}.{name} is not a member of {shape.name}"
        elif isinstance(value, dict):
            yield from self._map(path, shape, value)
        else:
            yield from self._scalar(path, shape, value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}…"
