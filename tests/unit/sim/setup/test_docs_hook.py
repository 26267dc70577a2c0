"""How a page's links are rewritten for the site."""

from __future__ import annotations

import pytest

from sim.setup.docs_hook import within_site


@pytest.mark.parametrize(
    ("name", "link", "expected"),
    [
        ("index.md", "[a](docs/tracking.md#eta)", "[a](tracking.md#eta)"),
        ("index.md", "[a](docs/decisions/)", "[a](decisions/README.md)"),
        ("index.md", "![a](docs/images/page.png)", "![a](images/page.png)"),
        ("index.md", "[a](CONTRIBUTING.md)", "[a](CONTRIBUTING.md)"),
        ("security.md", "[a](../SECURITY.md)", "[a](SECURITY.md)"),
        ("decisions/0001-a.md", "[a](../../README.md#by-hand)", "[a](../index.md#by-hand)"),
        ("decisions/0001-a.md", "[a](0002-b.md)", "[a](0002-b.md)"),
        ("reference/http.md", "[a](../openapi.yaml)", "[a](../openapi.yaml)"),
        ("index.md", "[a](https://example.com/b), [c](#d)", "[a](https://example.com/b), [c](#d)"),
    ],
)
def test_a_link_leads_to_the_same_page_in_the_site(name: str, link: str, expected: str) -> None:
    assert within_site(link, name) == expected


def test_a_link_to_a_file_that_the_site_does_not_have_is_plain_text() -> None:
    assert within_site("Read [LICENSE](LICENSE), twice.", "index.md") == "Read LICENSE, twice."
