"""The customer's page before the whole local cloud: a truck drives, and its page shows it."""

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
"""Of a share that expires while its page is open: the service's shortest, shorter than a drive."""

NOT_VALID = "This link is not valid, has expired or was revoked."
STALE = "The truck has sent no usable position since"
NEAR_M = 60.0
"""From the marker to the truck's fixes: the page may be a little behind."""


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
    """The pickup is over; on a short drive `nearby` follows within the same second."""
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


def test_a_drive_is_seen_to_its_end_unless_the_share_expires(
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
    expect_link_ended(brief_page)  # its share has expired while the truck drove
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


def test_a_cancellation_reaches_the_page(drive: Drive, open_page: OpenPage) -> None:
    page = open_page(drive.create(), init=NO_WEBGL)
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    drive.declare("cancelled")

    headline(page).to_have_text("The delivery was cancelled")


def test_a_revoked_share_ends_the_page_and_opens_no_other(
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


def test_a_failed_delivery_shows_its_reason(drive: Drive, open_page: OpenPage) -> None:
    page = open_page(drive.create())
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    drive.declare("failed", failure_code="no_access")

    headline(page).to_have_text("The delivery failed")
    expect(page.locator(".failure")).to_contain_text("could not be reached")
    page.screenshot(path=artifact("customer-of-a-failed-delivery.png"))


def test_a_strangers_fragment_shows_nothing(drive: Drive, open_page: OpenPage) -> None:
    link = drive.create()
    page = open_page(link[:-4] + "0000", init=NO_WEBGL)

    headline(page).to_have_text(NOT_VALID)


def first_seen(drive: Drive, open_page: OpenPage) -> dict[str, float]:
    """When a page that begins now shows a status and a position, and what came before, in
    milliseconds: kept as an artifact, and not judged, as the machine may be busy."""
    times = times_of(open_page(drive.link, init=TIMES))  # a context of its own: nothing is cached
    artifact("times.json").write_text(json.dumps(times) + "\n")
    return times


def kill_the_broadcaster(cloud: LaunchedCloud) -> None:
    pid = int((cloud.run_dir / "broadcaster.pid").read_text())
    os.kill(pid, signal.SIGKILL)
