"""The documented HTTP responses, as schemas to validate real responses.

As with the socket's messages, the document allows clients to get unknown fields, and our own
responses are validated with no additional fields allowed: an undocumented field fails a test.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import jsonschema
import jsonschema_rs

from tests.support.asyncapi_schema import close
from tests.support.json_schemas import FastSchema
from tests.support.yaml_documents import document, inlined


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document as plain values."""
    return document("openapi.yaml")


def documented_routes() -> set[tuple[str, str]]:
    """Method and path of every documented operation."""
    return {
        (method.upper(), path)
        for path, item in openapi_document()["paths"].items()
        for method in item
        if method != "parameters"
    }


def validate_response(
    method: str, path: str, status: int, headers: Mapping[str, str], body: str | bytes
) -> Any:
    """Validates one HTTP response against the document.

    Args:
        method: The method in upper case.
        path: The path as documented: ``/deliveries/{delivery_id}``.
        status: The response's status code.
        headers: The response's headers, with names in any case.
        body: The response's body.

    Returns:
        The decoded body.

    Raises:
        KeyError: The document has no such response of this operation.
        jsonschema.ValidationError: The body is not as documented.
    """
    responses = openapi_document()["paths"][path][method.lower()]["responses"]
    code = str(status) if str(status) in responses else f"{status // 100}XX"
    if "content" not in _response(method, path, code):
        assert not body, "a response without content has no body"
        return None
    lowered = {name.lower(): value for name, value in headers.items()}
    media_type = lowered["content-type"].split(";")[0].strip()
    value = json.loads(body)
    _validator(method, path, code, media_type).validate(value)
    return value


def _response(method: str, path: str, code: str) -> Mapping[str, Any]:
    """The document's response, where it is defined."""
    response: Mapping[str, Any] = openapi_document()["paths"][path][method.lower()]["responses"][
        code
    ]
    if "$ref" in response:
        name = response["$ref"].split("/")[-1]
        response = openapi_document()["components"]["responses"][name]
    return response


@functools.cache
def _validator(method: str, path: str, code: str, media_type: str) -> FastSchema:
    closed = {"components": {"schemas": _closed_schemas()}}
    return FastSchema(
        inlined(_response(method, path, code)["content"][media_type]["schema"], closed),
        partial(jsonschema_rs.Draft202012Validator, validate_formats=False),
        jsonschema.Draft202012Validator,
    )


@functools.cache
def _closed_schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = close(openapi_document()["components"]["schemas"])
    return schemas
