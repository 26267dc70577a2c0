"""The dispatcher's console in a real Chromium, before a service that the test directs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sim.setup.places import PROJECT
from tests.browser.conftest import OpenPage
from tests.support.browser import WITHIN_MS, artifact, complaints_of
from tests.support.console_backend import ConsoleBackend
from tests.support.page_messages import snapshot
from tests.support.waiting import eventually

expect.set_options(timeout=WITHIN_MS)

AXE = PROJECT / "web" / "node_modules" / "axe-core" / "axe.min.js"
NO_WEBGL = "HTMLCanvasElement.prototype.getContext = () => null"
DESK = {"width": 1280, "height": 800}
PLACE = {"lat": 41.88, "lon": -87.63, "radius_m": 100.0}


def truck(number: int, *, flags: int = 0, delivery: str | None = None) -> list[Any]:
    at_ms = int(time.time() * 1000) - 5000
    place = [41.85 + number % 40 * 0.001, -87.65 + number // 40 * 0.001]
    status = "in_transit" if delivery else None
    return [f"T-{number:04}", *place, 90, 8.3, at_ms, status, delivery, flags]


@pytest.fixture
def console() -> Iterator[ConsoleBackend]:
    backend = ConsoleBackend()
    backend.fleet = [truck(1, delivery="D-1", flags=1), truck(2), truck(13, flags=6)]
    backend.snapshot = snapshot()
    backend.plan = {
        "delivery_id": "D-1",
        "truck_id": "T-0001",
        "customer_id": "C-1",
        "version": 4,
        "origin": PLACE,
        "destination": PLACE,
    }
    with backend.running():
        yield backend


def sign_in(page: Page) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Dispatcher").fill("ann")
    page.get_by_role("button", name="Sign in").click()


def test_a_dispatcher_signs_in_and_sees_the_fleet(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page("about:blank", viewport=DESK)
    complaints = complaints_of(page)
    page.goto(console.console_url)
    sign_in(page)

    expect(page.locator(".headline")).to_have_text("3 trucks in view")
    expect(page.locator(".troubles")).to_contain_text("1 late")
    expect(page.get_by_role("option")).to_have_count(3)
    expect(page.get_by_role("option").first).to_contain_text("In transit · D-1")
    expect(page.locator("[data-map=on]")).to_be_visible()
    assert page.url == console.console_url
    assert complaints == []


def test_the_list_takes_keys_and_draws_what_is_in_sight(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    console.fleet = [truck(number) for number in range(400)]
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    rows = page.get_by_role("listbox")
    expect(page.get_by_role("option").first).to_have_attribute("aria-setsize", "400")
    assert page.get_by_role("option").count() < 40

    rows.focus()
    rows.press("End")
    expect(page.locator("[data-id=T-0399]")).to_be_in_viewport()
    rows.press("Enter")
    expect(page.get_by_role("heading", name="T-0399")).to_be_focused()
    page.get_by_role("button", name="Close").click()
    expect(rows).to_be_focused()


def test_clusters_are_zoomed_into_without_webgl(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    console.clusters = [["5/8/11", 41.86, -87.64, 900, 3, 2, 1]]
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)

    expect(page.locator(".map")).to_contain_text("The list has all trucks")
    expect(page.locator(".headline")).to_have_text("900 trucks in view")
    page.get_by_role("option", name="900 trucks").click()
    expect(page.locator(".headline")).to_have_text("3 trucks in view")
    west, south, east, north = console.views[-1]["bbox"]
    assert west < -87.64 < east
    assert south < 41.86 < north
    page.get_by_role("button", name="Whole fleet").click()
    expect(page.locator(".headline")).to_have_text("900 trucks in view")


def test_a_search_is_the_services(console: ConsoleBackend, open_page: OpenPage) -> None:
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)
    expect(page.get_by_role("option")).to_have_count(3)

    page.get_by_role("searchbox").fill("T-00")
    page.get_by_role("searchbox").fill("T-001")
    expect(page.get_by_role("option")).to_have_count(1)
    page.get_by_role("searchbox").fill("no spaces")
    expect(page.get_by_role("alert")).to_contain_text("Letters, digits")
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_role("option")).to_have_count(3)


def test_a_delivery_is_followed_shared_given_away_and_declared(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)
    page.get_by_role("option", name="T-0001").click()
    detail = page.locator(".detail")
    expect(detail.locator(".timeline li").first).to_be_visible()
    expect(detail).to_contain_text("Expected to arrive")

    page.get_by_role("button", name="Copy a link").click()
    expect(page.get_by_label("Link; it is shown only now")).to_have_value(
        f"{console.page_url}#D-1~new"
    )
    page.get_by_label("Another truck").fill("T-0002")
    page.get_by_role("button", name="Give to it").click()
    expect(detail).to_contain_text("was given to the other truck")
    page.get_by_label("Declare").select_option("failed")
    page.get_by_label("Reason").select_option("weather")
    page.get_by_role("button", name="Record").click()
    expect(detail).to_contain_text("It was recorded.")

    [put] = [call for call in console.calls if call[0] == "PUT"]
    assert put[2] == {
        "truck_id": "T-0002",
        "customer_id": "C-1",
        "origin": PLACE,
        "destination": PLACE,
    }
    assert put[3]["If-Match"] == "4"
    method, path, body, headers = console.calls[-1]
    assert (method, path) == ("POST", "/deliveries/D-1/events")
    assert body == {"type": "failed", "failure_code": "weather"}
    assert len(headers["Idempotency-Key"]) == 36


def test_a_session_outlives_a_reload_and_ends_by_signing_out(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)
    expect(page.get_by_role("option")).to_have_count(3)
    page.reload()
    expect(page.get_by_role("option")).to_have_count(3)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    eventually(lambda: console.open_sockets == 0)
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_a_code_of_another_tab_is_not_taken(console: ConsoleBackend, open_page: OpenPage) -> None:
    page = open_page(f"{console.console_url}?code=stolen&state=x", viewport=DESK)

    expect(page.get_by_role("alert")).to_contain_text("not asked for by this tab")
    assert page.url == console.console_url


def test_a_customer_is_not_shown_the_fleet(console: ConsoleBackend, open_page: OpenPage) -> None:
    console.refuses = 403
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)

    expect(page.get_by_role("alert")).to_contain_text("no dispatcher")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_axe_finds_no_fault(
    console: ConsoleBackend, open_page: OpenPage, locale: str, scheme: str
) -> None:
    page = open_page(console.console_url, viewport=DESK, locale=locale, color_scheme=scheme)
    page.locator("button.primary").click()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("option", name="T-0001").click()
    expect(page.locator(".timeline li").first).to_be_visible()
    expect(page.locator("[data-map=on] [data-idle]")).to_be_visible()
    page.screenshot(path=artifact(f"console-{locale}-{scheme}.png"))
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")

    faults = [
        (fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]
    ]
    assert faults == [], json.dumps(faults, indent=1)
