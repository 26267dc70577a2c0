"""Requests that came by the edge, and those that went round it."""

from __future__ import annotations

import pytest

from rtdts.runtime.edge import Edge


@pytest.mark.parametrize("headers", [None, {}, {"x-rtdts-edge": "anything"}])
def test_without_an_edge_every_request_counts(headers: dict[str, str] | None) -> None:
    assert Edge("").passed(headers)


@pytest.mark.parametrize("name", ["x-rtdts-edge", "X-RTDTS-Edge"])
@pytest.mark.parametrize("secret", ["old", "new"])
def test_each_secret_counts_while_they_are_replaced(name: str, secret: str) -> None:
    assert Edge("old, new").passed({name: secret, "host": "x"})


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"x-rtdts-edge": ""},
        {"x-rtdts-edge": "wrong"},
        {"x-rtdts-edge": "old,new"},
        {"x-rtdts-edge": "olé"},
        {"x-rtdts-edge": "old", "X-Rtdts-Edge": "wrong"},
    ],
)
def test_a_request_around_the_edge_does_not_count(headers: dict[str, str] | None) -> None:
    assert not Edge("old,new").passed(headers)
