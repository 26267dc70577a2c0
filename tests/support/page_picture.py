"""Draws the README's picture of the customer's page anew, from a demo that it starts.

python -m tests.support.page_picture
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect

from sim.setup.places import PROJECT
from tests.support.browser import running_browser

PICTURE = PROJECT / "docs" / "images" / "customer-page.png"
SIZE = {"width": 1000, "height": 640}
WITHIN_MS = 300_000
"""For the truck to be on its way to the customer, and the map to be drawn."""


@contextmanager
def demo_links(folder: Path) -> Iterator[list[str]]:
    """The links of a demo's customers, while it runs."""
    options = ["--ports", "auto", "--run-dir", str(folder / "run"), "--env", str(folder / "env")]
    command = [sys.executable, "-m", "sim", "demo", *options]
    demo = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    links: list[str] = []
    try:
        for line in demo.stdout:
            sys.stdout.write(line)
            if "/#" in line:
                links.append(line.strip())
            elif links:
                break
        yield links
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate()


def main() -> int:
    """Draws it; returns the exit code."""
    expect.set_options(timeout=WITHIN_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        demo_links(Path(folder)) as links,
        running_browser() as browser,
    ):
        page = browser.new_page(
            viewport=SIZE,
            locale="en-US",
            timezone_id="America/Chicago",
            reduced_motion="reduce",
        )
        page.goto(links[0])
        expect(page.locator(".headline")).to_have_text("On the way to you")
        expect(page.locator(".range")).to_be_visible()
        expect(page.locator("[data-map=on] [data-idle][data-marker]")).to_be_visible()
        page.screenshot(path=PICTURE)
    sys.stdout.write(f"drawn: {PICTURE.relative_to(PROJECT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
