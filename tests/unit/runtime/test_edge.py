"""Requests that came through the edge, and requests that bypassed it."""

from __future__ import annotations

import pytest

from rtdts.runtime.edge import Edge


@pytest.mark.parametrize("headers", [None, {}, {"x-rtdts-edge": "anything"}])
def test_every_request_is_accepted_without_an_edge(headers: dict[str, str] | None) -> None:
    assert Edge("").passed(headers)


@pytest.mark.parametrize("name", ["x-rtdts-edge", "X-RTDTS-Edge"])
@pytest.mark.parametrize("secret", ["old", "new"])
def test_each_secret_is_accepted_during_a_rotation(name: str, secret: str) -> None:
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
def test_a_request_that_bypassed_the_edge_is_not_accepted(headers: dict[str, str] | None) -> None:
    assert not Edge("old,new").passed(headers)
