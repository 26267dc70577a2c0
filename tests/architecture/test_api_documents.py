"""The two API documents are valid, and their examples match their schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest

from tests.support.asyncapi_schema import asyncapi_document, schema_of_message, validate_message
from tests.support.openapi_schema import openapi_document
from tests.support.yaml_documents import follow, references

FROM_VIEWERS = {"track", "untrack", "track_fleet", "untrack_fleet", "ping"}


def openapi_examples() -> Iterator[Any]:
    document = openapi_document()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            bodies = {"request": operation.get("requestBody", {})} | operation["responses"]
            for label, body in bodies.items():
                for media in body.get("content", {}).values():
                    for name, example in media.get("examples", {}).items():
                        yield pytest.param(
                            media["schema"], example["value"], id=f"{method} {path} {label} {name}"
                        )


def test_the_openapi_document_is_openapi_3_1() -> None:
    document = openapi_document()

    openapi_spec_validator.validate(document)

    assert document["openapi"].startswith("3.1.")


@pytest.mark.parametrize(("schema", "example"), list(openapi_examples()))
def test_an_openapi_example_matches_its_schema(schema: dict[str, Any], example: Any) -> None:
    whole = {"allOf": [schema], "components": openapi_document()["components"]}

    jsonschema.Draft202012Validator(whole).validate(example)


def test_every_reference_in_the_asyncapi_document_resolves() -> None:
    document = asyncapi_document()
    found = list(references(document))

    assert found
    for reference in found:
        follow(document, reference)


def test_every_message_of_the_socket_belongs_to_an_operation() -> None:
    document = asyncapi_document()
    used = {
        reference.rsplit("/", 1)[1]
        for operation in document["operations"].values()
        for reference in references(operation)
        if "/messages/" in reference
    }

    assert used == set(document["components"]["messages"])
    assert used == set(document["channels"]["socket"]["messages"])


@pytest.mark.parametrize("name", sorted(asyncapi_document()["components"]["messages"]))
def test_an_asyncapi_example_matches_its_schema(name: str) -> None:
    schema = schema_of_message(name)
    jsonschema.Draft7Validator.check_schema(schema)
    examples = asyncapi_document()["components"]["messages"][name]["examples"]

    assert examples
    for example in examples:
        jsonschema.Draft7Validator(schema).validate(example["payload"])
        assert name in (example["payload"].get("type"), example["payload"].get("action"))


def test_every_message_to_viewers_has_version_type_and_time() -> None:
    messages = asyncapi_document()["components"]["messages"]

    for name in messages.keys() - FROM_VIEWERS:
        schema = follow(asyncapi_document(), messages[name]["payload"]["$ref"])
        assert {"v", "type", "sent_at"} <= set(schema["required"])


def test_an_undocumented_field_fails_validation() -> None:
    pong = {"v": 1, "type": "pong", "sent_at": "2026-11-24T07:10:00.312Z"}

    assert validate_message(pong) == pong
    with pytest.raises(jsonschema.ValidationError):
        validate_message(pong | {"surprise": 1})
