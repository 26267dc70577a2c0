"""Ids of trucks, customers and deliveries: all have the same form."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

ID_FORM = "[A-Za-z0-9._-]{1,64}"

Identifier = Annotated[str, Meta(pattern=rf"\A{ID_FORM}\Z")]
"""An id, as a type that msgspec checks."""

_PATTERN = re.compile(ID_FORM)


def is_identifier(text: str) -> bool:
    """Returns whether a text has the form of an id."""
    return _PATTERN.fullmatch(text) is not None
