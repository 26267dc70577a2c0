"""The pages from which requests are accepted."""

from __future__ import annotations

import pytest

from rtdts.runtime.origins import Origins, origins_in

PAGE = "https://tracking.example.com"
ALLOWED = f"{PAGE}, http://localhost:5173"


@pytest.mark.parametrize("header", ["origin", "Origin", "ORIGIN"])
@pytest.mark.parametrize("page", [PAGE, "http://localhost:5173"])
def test_a_configured_page_is_allowed(header: str, page: str) -> None:
    assert Origins(ALLOWED).allow({header: page})


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example",
        "null",
        "",
        "*",
        PAGE + "/",
        PAGE + ".evil.example",
        "http://tracking.example.com",
        f"{PAGE},https://evil.example",
        f"{PAGE}, http://localhost:5173",
    ],
)
def test_no_other_page_is_allowed(page: str) -> None:
    assert not Origins(ALLOWED).allow({"origin": page})


def test_a_repeated_header_is_not_allowed() -> None:
    assert not Origins(PAGE).allow({"origin": PAGE, "Origin": PAGE})


@pytest.mark.parametrize("headers", [None, {}, {"host": "x"}])
def test_a_request_without_an_origin_is_allowed(headers: dict[str, str] | None) -> None:
    assert Origins("").allow(headers)
    assert Origins(ALLOWED).allow(headers)


def test_no_page_is_allowed_without_a_setting_and_every_page_with_a_star() -> None:
    assert not Origins("").allow({"origin": PAGE})
    assert Origins("*").allow({"origin": PAGE})
    assert origins_in(" a , ,b") == ("a", "b")
