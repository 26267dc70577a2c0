"""Valid and invalid identifiers."""

from __future__ import annotations

import msgspec
import pytest

from rtdts.tracking.identifiers import Identifier, is_identifier


@pytest.mark.parametrize("text", ["D-1", "a.b_c-D", "x" * 64])
def test_a_valid_id_is_accepted(text: str) -> None:
    assert is_identifier(text)
    assert msgspec.convert(text, Identifier) == text


@pytest.mark.parametrize("text", ["", "x" * 65, "D/1", "D-1\n", "é", " D-1"])
def test_an_invalid_id_is_rejected(text: str) -> None:
    assert not is_identifier(text)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Identifier)
