"""Measures how soon the customer's page shows status and position, on the local cloud.

python -m tests.support.page_times

The page is opened several times, each in a new browser context, so nothing is cached. The first
time is not counted, because it may have to start Lambdas. Times are since the navigation's start.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from sim.local_cloud.launch import launched_cloud
from tests.support.browser import NO_WEBGL, PHONE, running_browser
from tests.support.system_settings import DWELL_S
from tests.support.watched_drive import Drive

AIM_MS = 1500.0
"""The aim for both status and position."""

WITHIN_MS = 240_000
UNDER_WAY = re.compile("in_transit|nearby|arrived")
TIMES = """
window.times = {};
const note = (name) => { window.times[name] ??= Math.round(performance.now()); };
new MutationObserver(() => {
  if (document.querySelector('.headline:not([data-status=""])')) note('status');
  if (document.querySelector('.age')) note('position');
}).observe(document, {subtree: true, childList: true, attributes: true});
const request = window.fetch.bind(window);
window.fetch = async (url, options) => {
  const name = String(url).includes('config') ? 'configuration' : 'ticket';
  note(`${name} requested`);
  const response = await request(url, options);
  note(`${name} received`);
  return response;
};
window.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url);
    note('socket requested');
    this.addEventListener('open', () => note('socket open'));
    this.addEventListener('message', () => note('snapshot received'));
  }
};
"""
"""A script for `add_init_script` that records the times of the page's steps in `window.times`."""


def times_of(page: Page) -> dict[str, float]:
    """Waits until a page with `TIMES` shows a position, and returns its times in ms."""
    expect(page.locator(".age")).to_be_visible()
    times: dict[str, float] = page.evaluate("window.times")
    return dict(sorted(times.items(), key=lambda one: one[1]))


def open_once(browser: Browser, link: str) -> dict[str, float]:
    """Opens the page once on a phone, and returns its times."""
    context = browser.new_context(viewport=PHONE, locale="en-US", reduced_motion="reduce")
    try:
        page = context.new_page()
        page.add_init_script(TIMES)
        page.goto(link)
        return times_of(page)
    finally:
        context.close()


def wait_until_under_way(browser: Browser, link: str) -> None:
    """Waits until the delivery is in transit."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.add_init_script(NO_WEBGL)
        page.goto(link)
        expect(page.locator(".headline")).to_have_attribute("data-status", UNDER_WAY)
    finally:
        context.close()


def measure(folder: Path, openings: int) -> list[dict[str, float]]:
    """Returns the times of each opening, on a new local cloud with one truck in transit."""
    with (
        launched_cloud(
            run_dir=folder / "run",
            env_file=folder / "env",
            options=["--ports", "auto", "--dwell-s", str(DWELL_S)],
            on_line=lambda line: sys.stderr.write(f"{line}\n"),
        ) as cloud,
        running_browser() as browser,
    ):
        drive = Drive(cloud)
        try:
            link = drive.create()
            drive.start()
            wait_until_under_way(browser, link)
            return [open_once(browser, drive.share()) for _ in range(openings + 1)][1:]
        finally:
            drive.close()


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints the times; returns exit code 1 if the aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.page_times")
    parser.add_argument("--openings", type=int, default=11, help="pages to open (%(default)s)")
    args = parser.parse_args(arguments)
    expect.set_options(timeout=WITHIN_MS)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), args.openings)
    names = [name for name in found[0] if all(name in times for times in found)]
    sys.stdout.write(f"{'ms from the start of the navigation':36} median     from       to\n")
    medians = {name: statistics.median(times[name] for times in found) for name in names}
    for name in sorted(names, key=medians.__getitem__):
        of_one = [times[name] for times in found]
        line = f"{name:34} {medians[name]:8.0f} {min(of_one):8.0f} {max(of_one):8.0f}"
        sys.stdout.write(f"{line}\n")
    return 0 if max(medians["status"], medians["position"]) <= AIM_MS else 1


if __name__ == "__main__":
    sys.exit(main())
