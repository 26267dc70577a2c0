"""The limits that AWS publishes for its own API, as botocore ships them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, Final

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

_CLASSES: Final = (
    # Python's `re` has no Unicode classes. This is narrower than AWS's, which cover every script.
    (r"\p{L}", "A-Za-z\u00c0-\u024f"),
    (r"\p{Z}", " "),
    (r"\p{N}", "0-9"),
    (r"\p{C}", r"\x00-\x1f\x7f-\x9f"),
    (r"\p{Print}", r"[\x20-\x7e]"),
    # Java writes characters beyond the first 65,536 as surrogate pairs.
    (r"\uD800\uDC00-\uDBFF\uDFFF", "\U00010000-\U0010ffff"),
    (r"\x{10FFFF}", "\U0010ffff"),
)
_IN_NAME: Final = re.compile(r"LengthBetween(?:Minus)?(\d+)And(\d+)$")
"""API Gateway's models give lengths only in the names of shapes."""


def member(reference: str) -> Shape:
    """The shape of ``service.Operation:path.of.members``.

    Raises:
        LookupError: The service has no such operation, or its request no such member.
    """
    operation, _, path = reference.partition(":")
    shape = _request(operation)
    for step in path.split(".") if path else ():
        shape = _step(shape, step)
    return shape


def _step(shape: Shape, step: str) -> Shape:
    while isinstance(shape, ListShape):
        shape = shape.member
    if isinstance(shape, MapShape) and step in ("key", "value"):
        return shape.key if step == "key" else shape.value
    if isinstance(shape, StructureShape) and step in shape.members:
        return shape.members[step]
    raise LookupError(f"{shape.name} has no {step}")


def member_like(shape: StructureShape, attribute: str) -> Shape | None:
    """The member with the attribute's name, ignoring underscores and case."""
    expected = attribute.replace("_", "").lower()
    for name, found in shape.members.items():
        if name.lower() == expected:
            return found
    return None


def is_limited(shape: Shape) -> bool:
    """Whether the model limits a value by more than its type."""
    if shape.type_name == "boolean":
        return True
    return bool(
        {"min", "max", "pattern"} & shape.metadata.keys()
        or (isinstance(shape, StringShape) and shape.enum)
        or _IN_NAME.search(shape.name)
    )


def faults_of(shape: Shape, value: Any) -> Iterator[str]:
    """Yields each reason why AWS would reject a request with this value."""
    if isinstance(value, bool):
        return
    limits = dict(shape.metadata)
    named = _IN_NAME.search(shape.name)
    if named is not None and isinstance(shape, StringShape):
        limits |= {"min": int(named[1]), "max": int(named[2])}
    allowed = shape.enum if isinstance(shape, StringShape) else ()
    yield from faults(
        value,
        minimum=limits.get("min"),
        maximum=limits.get("max"),
        pattern=limits.get("pattern"),
        one_of=allowed,
    )


def faults(
    value: Any,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    one_of: Any = (),
) -> Iterator[str]:
    """Yields each limit that a value violates.

    Args:
        value: A string or a number.
        minimum: The smallest number, or the fewest characters.
        maximum: The largest number, or the most characters.
        pattern: Java's regular expression for the whole value.
        one_of: The only values; any when empty.
    """
    size, unit = (len(value), " characters") if isinstance(value, str) else (value, "")
    if one_of and value not in one_of:
        yield f"is not one of {', '.join(str(one) for one in one_of)}"
    if minimum is not None and size < minimum:
        yield f"is less than {minimum}{unit}"
    if maximum is not None and size > maximum:
        yield f"is more than {maximum}{unit}"
    if pattern is not None and not compiled(pattern).fullmatch(str(value)):
        yield f"does not match {pattern}"


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of AWS's models, which are Java's, as Python's."""
    for theirs, ours in _CLASSES:
        pattern = pattern.replace(theirs, ours)
    # Java accepts flags inside a pattern, Python only at its beginning.
    anywhere = pattern.replace("(?i)", "").replace("(?s)", "")
    return re.compile(anywhere, re.S | (re.I if "(?i)" in pattern else 0))


@functools.cache
def _request(operation: str) -> Shape:
    service, _, name = operation.partition(".")
    found: Shape | None = _service(service).operation_model(name).input_shape
    if found is None:
        raise LookupError(f"{operation} has no request members")
    return found


@functools.cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)
