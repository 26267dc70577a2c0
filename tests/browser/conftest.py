"""A browser, and a page whose service the test controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import PHONE, WITHIN_MS, running_browser
from tests.support.page_backend import PageBackend
from tests.support.page_messages import shared_delivery, snapshot

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Ends with its test file: while it runs, its thread has a running event loop, and no other
    # test in the same process could run one.
    with running_browser() as running:
        yield running


@pytest.fixture
def backend() -> Iterator[PageBackend]:
    backend = PageBackend()
    backend.delivery = shared_delivery()
    backend.snapshot = snapshot()
    with backend.running():
        yield backend


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a URL in a new context: by default in English, on a phone, with reduced motion."""
    contexts = []

    def open_page(url: str, *, init: str = "", **options: Any) -> Page:
        usual = {"viewport": PHONE, "locale": "en-US", "timezone_id": "America/Chicago"}
        context = browser.new_context(**{**usual, "reduced_motion": "reduce", **options})
        contexts.append(context)
        context.set_default_timeout(WITHIN_MS)
        page = context.new_page()
        if init:
            page.add_init_script(init)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
