"""Converts structs to DynamoDB items and back.

boto3's own serializer requires `Decimal` for every number and keeps nulls. This one accepts the
output of msgspec: absent fields are left out, floats keep their shortest exact text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UniversalAttributeValueTypeDef

MAX_ITEM_BYTES = 400 * 1024
"""DynamoDB's size limit of an item, names and values."""

T = TypeVar("T")


def to_attribute(value: object) -> UniversalAttributeValueTypeDef:
    """Converts one builtin value to an attribute.

    Raises:
        TypeError: No attribute can hold it (an infinity or a NaN among others).
    """
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case float() if math.isfinite(value):
            return {"N": repr(value)}
        case Mapping():
            return {"M": _without_nulls(value)}
        case Sequence() if not isinstance(value, bytes | bytearray):
            return {"L": [to_attribute(element) for element in value]}
        case _:
            raise TypeError(f"DynamoDB can't hold {value!r}")


def to_item(struct: msgspec.Struct, **extra: object) -> dict[str, UniversalAttributeValueTypeDef]:
    """Converts a struct to an item; `extra` are attributes that only keys and indexes need."""
    return _without_nulls({**msgspec.to_builtins(struct), **extra})


def item_bytes(item: Mapping[str, Any]) -> int:
    """Returns an item's size by DynamoDB's rules: names and values, numbers rounded up."""
    return sum(len(name.encode()) + _attribute_bytes(attribute) for name, attribute in item.items())


def from_attribute(attribute: Mapping[str, Any]) -> object:
    """Converts an attribute to its builtin value."""
    # The most frequent first: a round reads millions of them per minute.
    if "S" in attribute:
        return attribute["S"]
    if "N" in attribute:
        number: str = attribute["N"]
        # DynamoDB returns 35.0 as 35; msgspec accepts an int where a float is declared.
        return int(number) if number.lstrip("-").isdigit() else float(number)
    if "M" in attribute:
        return {name: from_attribute(inner) for name, inner in attribute["M"].items()}
    if "L" in attribute:
        return [from_attribute(inner) for inner in attribute["L"]]
    if "BOOL" in attribute:
        return attribute["BOOL"]
    raise TypeError(f"unexpected type of attribute: {', '.join(attribute)}")


def from_item(item: Mapping[str, AttributeValueTypeDef], expected: type[T]) -> T:
    """Converts an item to a struct; attributes unknown to the struct are ignored.

    Raises:
        msgspec.ValidationError: The item does not have the struct's form.
    """
    builtins = {name: from_attribute(attribute) for name, attribute in item.items()}
    return msgspec.convert(builtins, expected)


FOREIGN_ITEM_ERRORS = (msgspec.ValidationError, TypeError, ValueError)
"""What `from_attribute` and `from_item` raise for an item of another form."""


def chunks(values: Iterable[T], size: int) -> Iterable[list[T]]:
    """Cuts values into lists of at most `size`: DynamoDB's batches are bounded."""
    chunk: list[T] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _attribute_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return len(value) // 2 + 2  # two digits per byte, one byte for the exponent
        case "M":
            return 3 + len(value) + item_bytes(value)
        case "L":
            return 3 + len(value) + sum(map(_attribute_bytes, value))
        case _:
            return 1


def _without_nulls(values: Mapping[Any, Any]) -> dict[str, UniversalAttributeValueTypeDef]:
    return {name: to_attribute(value) for name, value in values.items() if value is not None}
