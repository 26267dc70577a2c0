"""The socket's documented messages, as schemas to validate encoded messages.

The document allows receivers to get unknown fields, which they ignore. Our own messages are
validated with no additional fields allowed, so an undocumented field fails a test, too.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import jsonschema
import jsonschema_rs

from tests.support.json_schemas import FastSchema
from tests.support.yaml_documents import document as yaml_document
from tests.support.yaml_documents import inlined


def asyncapi_document() -> dict[str, Any]:
    """The AsyncAPI document as plain values."""
    return yaml_document("asyncapi.yaml")


def schema_of_message(name: str, *, closed: bool = True) -> dict[str, Any]:
    """The self-contained schema of a message's payload.

    Args:
        name: The message's name in the document: ``snapshot``, ``position``, ``track`` …
        closed: Whether a field that the document doesn't know is an error.
    """
    document = asyncapi_document()
    payload = document["components"]["messages"][name]["payload"]
    schemas = document["components"]["schemas"]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [payload],
        "components": {"schemas": close(schemas) if closed else schemas},
    }


def validate_message(message: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    """Validates one message to a viewer against the document.

    Returns:
        The decoded message.

    Raises:
        jsonschema.ValidationError: It does not match the document.
        KeyError: The document has no message of this ``type``.
    """
    decoded = json.loads(message) if isinstance(message, bytes | str) else dict(message)
    _validator(decoded["type"]).validate(decoded)
    return decoded


@functools.cache
def _validator(name: str) -> FastSchema:
    schema = schema_of_message(name)
    return FastSchema(
        {"allOf": inlined(schema["allOf"], schema)},
        partial(jsonschema_rs.Draft7Validator, validate_formats=False),
        jsonschema.Draft7Validator,
    )


def close(schema: Any) -> Any:
    """Returns the schema with no additional fields allowed in any of its objects."""
    if isinstance(schema, Mapping):
        closed = {key: close(value) for key, value in schema.items()}
        if isinstance(schema.get("properties"), Mapping):
            closed.setdefault("additionalProperties", False)
        return closed
    if isinstance(schema, list):
        return [close(item) for item in schema]
    return schema
