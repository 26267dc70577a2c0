"""JSON Schemas that are checked often: fast, with clear errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import jsonschema


class _Validator(Protocol):
    def is_valid(self, instance: Any, /) -> bool: ...


class FastSchema:
    """Validates with `jsonschema_rs`; the error of a rejected value is that of `jsonschema`.

    Both agree on every value of the unit tests, and on variants of these that do not match.

    Args:
        schema: A self-contained schema.
        fast: The validator's class of `jsonschema_rs`.
        clear: The class of the same draft of `jsonschema`.
    """

    def __init__(
        self,
        schema: dict[str, Any],
        fast: Callable[[dict[str, Any]], _Validator],
        clear: Callable[[dict[str, Any]], jsonschema.protocols.Validator],
    ) -> None:
        self._fast = fast(schema)
        self._clear = clear(schema)

    def validate(self, value: Any) -> None:
        """Checks a value.

        Raises:
            jsonschema.ValidationError: It does not match the schema.
        """
        if not self._fast.is_valid(value):
            self._clear.validate(value)
