"""A real Chromium for tests of the pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from sim.setup.chromium import find_browser
from sim.setup.places import PROJECT, find_places
from sim.setup.web import pages_are_built

SOFTWARE_WEBGL = (
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
NO_WEBGL = "HTMLCanvasElement.prototype.getContext = () => null;"
"""Script for tests that do not need the map, which takes a second or more of CPU time to draw."""
PHONE: ViewportSize = {"width": 390, "height": 844}
WITHIN_MS = 120_000
"""The timeout for anything on a page: the CPU draws the map, and the machine may be busy."""


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Runs Chromium; skips the test if it is not installed."""
    places = find_places()
    found = find_browser(places)
    if found is None:
        pytest.skip("Chromium is not installed: make browser (or name one: CHROME=…)")
    if not pages_are_built(places):
        pytest.skip("the web pages are not built: make setup")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.program,
            env={**os.environ, **found.environment},
            args=list(SOFTWARE_WEBGL),
        )
        try:
            yield browser
        finally:
            browser.close()


def artifact(name: str) -> Path:
    """Returns the path of an artifact of this run, such as a screenshot."""
    folder = PROJECT / "build" / "ci" / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def complaints_of(page: Page) -> list[str]:
    """Collects the browser's errors, including violations of the page's security policy."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda message: found.append(message.text) if message.type == "error" else None,
    )
    return found
