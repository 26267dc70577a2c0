"""Takes the README's screenshots of both pages again, from a demo that it starts.

python -m tests.support.page_screenshots
"""

from __future__ import annotations

import base64
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect

from sim.setup.places import PROJECT
from tests.support.browser import running_browser

IMAGES = PROJECT / "docs" / "images"
CUSTOMERS_SIZE: ViewportSize = {"width": 1000, "height": 640}
CONSOLES_SIZE: ViewportSize = {"width": 1280, "height": 860}
TRUCKS = 5
"""Number of trucks in the demo."""

SHOWN = 1
"""The truck whose customer's page is shown: it has the longest drive."""

WITHIN_MS = 300_000
"""The timeout until the truck is on its way to the customer, and the map is drawn."""

_URL = re.compile(r"https?://\S+")
_AS_WEBP = """async (png) => {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL('image/webp', 0.85).split(',')[1];
}"""


@dataclass(frozen=True)
class Links:
    """The URLs that a demo prints before anything else.

    Attributes:
        console: The URL of the dispatcher's console.
        customers: The URLs of the customers' pages, by truck.
    """

    console: str
    customers: list[str]


@contextmanager
def demo_links(folder: Path) -> Iterator[Links]:
    """Runs a demo, and yields its links."""
    options = ["--ports", "auto", "--run-dir", str(folder / "run"), "--env", str(folder / "env")]
    command = [sys.executable, "-m", "sim", "demo", *options]
    demo = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    consoles: list[str] = []
    customers: list[str] = []
    try:
        for line in demo.stdout:
            sys.stdout.write(line)
            url = _URL.search(line)
            if url and "console.html" in line:
                consoles.append(url.group())
            elif url and "/#" in line:
                customers.append(url.group())
            elif customers:
                break
        # Unread output would fill the pipe, and block the demo.
        threading.Thread(target=demo.stdout.read, daemon=True).start()
        yield Links(consoles[0], customers)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait()


def take_customers_page(page: Page, link: str) -> Path:
    """Takes the customer's page with a truck on its way."""
    page.goto(link)
    expect(page.locator(".headline")).to_have_text("On the way to you")
    expect(page.locator(".range")).to_be_visible()
    # So far from the origin that the marker does not cover its pin.
    expect(page.locator(".facts")).to_contain_text(re.compile(r"1\.[0-2] km"))
    expect(page.locator("[data-map=on] [data-idle][data-marker]")).to_be_visible()
    return _take(page, "customer-page")


def take_console(page: Page, link: str) -> Path:
    """Takes the console with the fleet, and the details of one truck's delivery."""
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Dispatcher").fill("ann")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("option")).to_have_count(TRUCKS)
    page.get_by_role("option").first.click()
    expect(page.locator(".timeline li").first).to_be_visible()
    expect(page.locator("[data-map=on] [data-idle]")).to_be_visible()
    return _take(page, "console")


def _take(page: Page, name: str) -> Path:
    taken = base64.b64encode(page.screenshot()).decode()
    scratch = page.context.new_page()
    image = IMAGES / f"{name}.webp"
    image.write_bytes(base64.b64decode(scratch.evaluate(_AS_WEBP, taken)))
    return image


def _new_page(browser: Browser, size: ViewportSize) -> Page:
    context = browser.new_context(
        viewport=size,
        locale="en-US",
        timezone_id="America/Chicago",
        reduced_motion="reduce",
    )
    return context.new_page()


def main() -> int:
    """Takes both screenshots, and returns the exit code."""
    expect.set_options(timeout=WITHIN_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        demo_links(Path(folder)) as links,
        running_browser() as browser,
    ):
        drawn = [
            take_customers_page(_new_page(browser, CUSTOMERS_SIZE), links.customers[SHOWN]),
            take_console(_new_page(browser, CONSOLES_SIZE), links.console),
        ]
    for image in drawn:
        size_kb = image.stat().st_size // 1000
        sys.stdout.write(f"drawn: {image.relative_to(PROJECT)} ({size_kb} kB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
