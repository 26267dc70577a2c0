"""Any valid measurements of a truck, for property tests."""

from __future__ import annotations

import typing
from typing import Any

import msgspec
from hypothesis import strategies as st

from rtdts.tracking.reading import Reading


def measurements() -> st.SearchStrategy[dict[str, Any]]:
    """Returns strategies by field of `Reading`: each value is within its range, or not sent."""
    return st.fixed_dictionaries(
        {
            field.name: st.none() | _values(typing.get_args(field.type)[0])
            for field in msgspec.structs.fields(Reading)
        }
    )


def _values(kind: Any) -> st.SearchStrategy[Any]:
    if kind is bool:
        return st.booleans()
    number, limits = typing.get_args(kind)
    if number is int:
        return st.integers(limits.ge, limits.le)
    return st.floats(limits.ge, limits.le)
