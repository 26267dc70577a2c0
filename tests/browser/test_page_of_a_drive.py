"""The customer's page with the complete local cloud: a truck drives, and the page shows it."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sim.local_cloud.launch import LaunchedCloud
from tests.browser.conftest import OpenPage
from tests.support.browser import NO_WEBGL, WITHIN_MS, artifact, complaints_of
from tests.support.page_times import TIMES, UNDER_WAY, times_of
from tests.support.watched_drive import Drive

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
expect.set_options(timeout=WITHIN_MS)

WITHIN_THE_DRIVE_MS = 240_000
LIFE_S = 60
"""Lifetime of a share that expires while its page is open: the minimum, shorter than a drive."""

NOT_VALID = "This link is not valid, has expired or was revoked."
STALE = "The truck has sent no usable position since"
NEAR_M = 60.0
"""Maximum distance from the marker to the truck's fixes: the page may be a little behind."""


@pytest.fixture
def drive(local_cloud: LaunchedCloud) -> Iterator[Drive]:
    drive = Drive(local_cloud)
    try:
        yield drive
    finally:
        drive.close()


def headline(page: Page) -> Any:
    return expect(page.locator(".headline"))


def is_under_way(page: Page) -> None:
    """Waits until the pickup is over; on a short drive, `nearby` follows within a second."""
    expect(page.locator(".headline")).to_have_attribute(
        "data-status", UNDER_WAY, timeout=WITHIN_THE_DRIVE_MS
    )


def expect_link_ended(page: Page) -> None:
    expect(page.locator(".notices")).to_contain_text(
        "expired or was revoked", timeout=WITHIN_THE_DRIVE_MS
    )


def marker_of(page: Page) -> tuple[float, float]:
    text = page.locator(".canvas").get_attribute("data-marker") or ""
    lat, lon = text.split(",")
    return float(lat), float(lon)


def test_a_page_follows_a_drive_to_its_end_unless_its_share_expires(
    drive: Drive, open_page: OpenPage
) -> None:
    page = open_page("about:blank")
    complaints = complaints_of(page)
    page.goto(drive.create())
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    brief_link = drive.share(expires_in_s=LIFE_S)
    brief_page = open_page(brief_link, init=NO_WEBGL)
    headline(brief_page).to_have_text("A truck is assigned")
    drive.start()

    is_under_way(page)
    expect(page.locator(".canvas[data-marker]")).to_be_visible()
    expect(page.locator(".age")).to_have_text(re.compile(r"Position: (just now|\d+ s ago)"))
    assert drive.nearest_m(*marker_of(page)) < NEAR_M
    times = first_seen(drive, open_page)
    assert 0 < times["status"] <= times["position"]
    kill_the_broadcaster(drive.cloud)
    headline(page).to_have_text("At the destination", timeout=WITHIN_THE_DRIVE_MS)
    page.screenshot(path=artifact("customer-of-a-drive.png"))
    drive.end_with_a_bad_fix()
    expect_link_ended(brief_page)  # its share expired during the drive
    headline(open_page(brief_link)).to_have_text(NOT_VALID)
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    expect(page.locator(".notices")).to_contain_text(STALE)  # with the next round
    expect(page.locator(".truck-marker.stale")).to_be_visible()
    drive.declare("delivered")
    headline(page).to_have_text("Delivered")
    expect(page.locator(".notices")).not_to_contain_text(STALE)
    steps = page.locator(".history li").evaluate_all("all => all.map((li) => li.dataset.status)")
    assert steps[0] == "delivered"
    assert {"assigned", "in_transit", "arrived"} <= set(steps)
    assert complaints == []


def test_a_cancellation_is_shown_on_the_page(drive: Drive, open_page: OpenPage) -> None:
    page = open_page(drive.create(), init=NO_WEBGL)
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    drive.declare("cancelled")

    headline(page).to_have_text("The delivery was cancelled")


def test_a_revoked_share_ends_its_open_page_and_cannot_be_opened_again(
    drive: Drive, open_page: OpenPage
) -> None:
    link = drive.create()
    page = open_page(link, init=NO_WEBGL)
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator(".history li")).to_have_count(1)
    (share,) = drive.call(drive.dispatcher.shares, drive.delivery_id)
    drive.call(drive.dispatcher.revoke, drive.delivery_id, share)

    expect_link_ended(page)
    headline(open_page(link)).to_have_text(NOT_VALID)


def test_a_failed_delivery_shows_the_declared_reason(drive: Drive, open_page: OpenPage) -> None:
    page = open_page(drive.create())
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    drive.declare("failed", failure_code="no_access")

    headline(page).to_have_text("The delivery failed")
    expect(page.locator(".failure")).to_contain_text("could not be reached")
    page.screenshot(path=artifact("customer-of-a-failed-delivery.png"))


def test_a_link_with_a_guessed_token_shows_nothing(drive: Drive, open_page: OpenPage) -> None:
    link = drive.create()
    page = open_page(link[:-4] + "0000", init=NO_WEBGL)

    headline(page).to_have_text(NOT_VALID)


def first_seen(drive: Drive, open_page: OpenPage) -> dict[str, float]:
    """Opens a page, and returns after how many milliseconds it shows a status and a position, and
    the steps before. Kept as an artifact; has no limit, because the machine may be busy."""
    times = times_of(open_page(drive.link, init=TIMES))  # a new context has an empty cache
    artifact("times.json").write_text(json.dumps(times) + "\n")
    return times


def kill_the_broadcaster(cloud: LaunchedCloud) -> None:
    pid = int((cloud.run_dir / "broadcaster.pid").read_text())
    os.kill(pid, signal.SIGKILL)
