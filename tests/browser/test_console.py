"""The dispatcher's console in a real Chromium, with a service that the test controls."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sim.setup.places import PROJECT
from tests.browser.conftest import OpenPage
from tests.support.browser import NO_WEBGL, WITHIN_MS, complaints_of
from tests.support.console_backend import ConsoleBackend
from tests.support.page_messages import ago, ended, position, snapshot, status
from tests.support.reference_screenshots import difference_from_reference, zone_at_noon
from tests.support.waiting import eventually

expect.set_options(timeout=WITHIN_MS)

AXE = PROJECT / "web" / "node_modules" / "axe-core" / "axe.min.js"
DESK = {"width": 1280, "height": 800}
SIDES = (-87.75, -87.55)
"""Western and eastern longitude of a fleet that is wider than it is high."""

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
        "status": "in_transit",
        "assignment": 1,
        "origin": PLACE,
        "destination": PLACE,
        "window": {"start": ago(7200), "end": ago(3600)},
        "events": [
            {"version": i, "status": status, "assignment": 1, "effective_at": ago(2000 - 300 * i)}
            for i, status in enumerate(("assigned", "at_pickup", "in_transit", "in_transit"), 1)
        ],
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
    console.fleet += [truck(3), truck(40)]
    page = open_page("about:blank", viewport=DESK)
    complaints = complaints_of(page)
    page.goto(console.console_url)
    sign_in(page)

    expect(page.locator(".headline")).to_have_text("5 trucks in view")
    expect(page.locator(".troubles")).to_contain_text("1 late")
    expect(page.get_by_role("option")).to_have_count(5)
    expect(page.get_by_role("option").first).to_contain_text("In transit · D-1")
    expect(page.locator("[data-map=on]")).to_be_visible()
    assert page.url == console.console_url
    assert complaints == []


def test_the_list_is_used_by_keyboard_and_draws_only_visible_rows(
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


def test_opening_the_details_keeps_the_same_trucks_in_view(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    west, east = ([f"T-{i}", 41.88, lon, 90, 8.3, 0, None, None, 0] for i, lon in enumerate(SIDES))
    console.fleet = [west, east]
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)
    wait_for_map(page)
    eventually(lambda: len(console.views) > 1)  # the view has moved from the world to the fleet
    requested = len(console.views)
    page.get_by_role("option", name="T-0").click()
    eventually(lambda: len(console.views) > requested)

    expect(page.locator(".detail")).to_be_visible()
    wait_for_map(page)
    expect(page.locator(".headline")).to_have_text("2 trucks in view")
    assert all(view["bbox"][0] < SIDES[0] < SIDES[1] < view["bbox"][2] for view in console.views)


def test_clusters_can_be_opened_without_webgl(console: ConsoleBackend, open_page: OpenPage) -> None:
    far = [[f"F-{i}", 35.1 + i * 1e-5, 129.1, None, None, 0, None, None, 0] for i in range(900)]
    console.fleet = [truck(1), truck(2), truck(13, flags=6), *far]
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)

    expect(page.locator(".map")).to_contain_text("The list has all trucks")
    expect(page.locator(".headline")).to_have_text("903 trucks in view")
    expect(page.get_by_role("option").first).to_contain_text("900 trucks")
    page.get_by_role("option", name="3 trucks").click()
    expect(page.locator(".headline")).to_have_text("3 trucks in view")
    west, south, east, north = console.views[-1]["bbox"]
    assert west < -87.64 < east
    assert south < 41.86 < north
    page.get_by_role("button", name="Whole fleet").click()
    expect(page.locator(".headline")).to_have_text("903 trucks in view")


def test_clusters_of_5000_trucks_can_be_opened_down_to_one_truck(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    console.fleet = [truck(number, delivery="D-1") for number in range(5000)]
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    expect(page.locator(".headline")).to_have_text("5000 trucks in view")
    assert page.get_by_role("option").count() < 40

    while page.get_by_role("option").first.locator(".name").inner_text().endswith(" trucks"):
        requested = len(console.views)
        page.get_by_role("option").first.click()
        eventually(lambda: len(console.views) > requested)  # noqa: B023
        expect(page.locator(".fleet[data-current=true]")).to_be_visible()
    row = page.get_by_role("option").first
    truck_id = row.locator(".name").inner_text()
    row.click()
    expect(page.get_by_role("heading", name=truck_id)).to_be_focused()
    page.get_by_role("button", name="Whole fleet").click()
    expect(page.locator(".headline")).to_have_text("5000 trucks in view")
    expect(page.locator(".detail")).to_contain_text("Zoom in to see this truck")
    expect(page.locator(".detail")).to_contain_text("41.88531, -87.64527")  # from its own socket


def test_a_search_is_done_by_the_service(console: ConsoleBackend, open_page: OpenPage) -> None:
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    expect(page.get_by_role("option")).to_have_count(3)

    page.get_by_role("searchbox").fill("T-00")
    page.get_by_role("searchbox").fill("T-001")
    expect(page.get_by_role("option")).to_have_count(1)
    page.get_by_role("searchbox").fill("no spaces")
    expect(page.get_by_role("alert")).to_contain_text("Letters, digits")
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_role("option")).to_have_count(3)


def test_a_delivery_can_be_followed_shared_reassigned_and_declared(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    page.get_by_role("option", name="T-0001").click()
    detail = page.locator(".detail")
    expect(detail.locator(".timeline li").first).to_be_visible()
    expect(detail).to_contain_text("Expected to arrive")

    page.get_by_role("button", name="Copy a link").click()
    expect(page.get_by_label("Link (shown only once)")).to_have_value(f"{console.page_url}#D-1~new")
    page.get_by_label("Another truck", exact=True).fill("T-0002")
    page.get_by_role("button", name="Reassign").click()
    expect(detail).to_contain_text("was assigned to the other truck")
    console.move([truck(1), truck(2, delivery="D-1"), truck(13, flags=6)])
    expect(page.locator("[data-id=T-0002]")).to_contain_text("In transit · D-1")
    expect(page.locator("[data-id=T-0001]")).not_to_contain_text("D-1")
    page.get_by_role("option", name="T-0002").click()
    page.get_by_label("Declare").select_option("failed")
    page.get_by_label("Reason").select_option("weather")
    page.get_by_role("button", name="Record").click()
    expect(detail).to_contain_text("The declaration was recorded.")

    [put] = [call for call in console.calls if call[0] == "PUT"]
    assert put[2] == {
        "truck_id": "T-0002",
        "customer_id": "C-1",
        "origin": PLACE,
        "destination": PLACE,
        "window": console.plan["window"],
    }
    assert put[3]["If-Match"] == "4"
    declared = ("POST", "/deliveries/D-1/events")
    [(_, _, body, headers)] = [call for call in console.calls if call[:2] == declared]
    assert body == {"type": "failed", "failure_code": "weather"}
    assert len(headers["Idempotency-Key"]) == 36


def test_a_delivery_can_be_cancelled_and_its_end_is_shown(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    page.get_by_role("option", name="T-0001").click()
    detail = page.locator(".detail")
    expect(detail.locator(".timeline li")).to_have_count(4)
    page.get_by_label("Declare").select_option("cancelled")
    page.get_by_role("button", name="Record").click()
    expect(detail).to_contain_text("The declaration was recorded.")
    console.send(status("cancelled", 5))
    console.send(ended("cancelled"))

    expect(detail.locator(".timeline li").first).to_have_attribute("data-status", "cancelled")
    expect(detail).to_contain_text("Cancelled · D-1")
    expect(detail.locator(".notice")).to_have_text("The tracking of this delivery has ended.")
    eventually(lambda: console.open_sockets == 2)  # of the map and of the alerts
    console.move([truck(1), *console.fleet[1:]])
    expect(page.locator("[data-id=T-0001]")).not_to_contain_text("D-1")
    expect(detail).not_to_contain_text("D-1")
    declared = ("POST", "/deliveries/D-1/events")
    assert [call[2] for call in console.calls if call[:2] == declared] == [{"type": "cancelled"}]


def test_a_session_survives_a_reload_and_ends_when_signing_out(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    expect(page.get_by_role("option")).to_have_count(3)
    page.reload()
    expect(page.get_by_role("option")).to_have_count(3)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    eventually(lambda: console.open_sockets == 0)
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_a_code_that_this_tab_did_not_request_is_rejected(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(f"{console.console_url}?code=stolen&state=x", viewport=DESK, init=NO_WEBGL)

    expect(page.get_by_role("alert")).to_contain_text("did not start this sign-in")
    assert page.url == console.console_url


HOSTILE = "<img src=x onerror='document.title=1'><script>document.title=2</script>"


def test_markup_in_names_is_shown_as_text(console: ConsoleBackend, open_page: OpenPage) -> None:
    hostile_place = {**PLACE, "name": HOSTILE}
    console.plan.update(customer_id=HOSTILE, origin=hostile_place, destination=hostile_place)
    console.snapshot = snapshot(
        version=1,
        events=[
            {"version": 1, "status": HOSTILE, "effective_at": ago(60), "cause": HOSTILE},
        ],
    )
    row = truck(1, delivery="D-1")
    console.fleet = [[HOSTILE, *row[1:6], HOSTILE, "D-1", 1]]
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)
    page.get_by_role("option").click()

    expect(page.get_by_role("heading", name=HOSTILE)).to_be_focused()
    expect(page.locator(".detail dd").filter(has_text=HOSTILE)).to_have_count(3)
    expect(page.locator(".timeline")).to_contain_text(HOSTILE)
    expect(page.locator("[data-alerts='1']")).to_be_attached()
    page.locator(".alerts summary").click()
    expect(page.get_by_role("region", name="Late").get_by_role("button")).to_contain_text(HOSTILE)
    wait_for_map(page)
    expect(page.locator("main img, main script")).to_have_count(0)
    expect(page).to_have_title("(1) Fleet")


def test_the_console_shows_no_fleet_to_a_customer(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    console.rejects = 403
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)

    expect(page.get_by_role("alert")).to_contain_text("it is not a dispatcher")


def wait_for_map(page: Page) -> None:
    expect(page.locator("[data-map=on] [data-idle]")).to_be_visible()


def test_a_delivery_is_created_with_places_chosen_on_the_map(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)
    wait_for_map(page)
    page.get_by_role("button", name="New delivery").click()
    page.get_by_label("Delivery", exact=True).fill("D-new")
    page.get_by_label("Customer").fill("C-7")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_label("Truck", exact=True)).to_be_focused()
    expect(page.locator("#problem-truckId")).to_be_visible()

    canvas = page.locator(".canvas")
    box = canvas.bounding_box()
    assert box is not None
    for name, x in (("From: choose on the map", 0.25), ("To: choose on the map", 0.75)):
        page.get_by_role("button", name=name).click()
        expect(page.locator(".picking")).to_contain_text("Click on the map")
        canvas.click(position={"x": box["width"] * x, "y": box["height"] / 2})
        expect(page.locator(".picking")).to_have_count(0)
    expect(page.locator(".pin")).to_have_count(2)
    page.get_by_role("button", name="Truck: choose on the map").click()
    page.get_by_role("option", name="T-0002").click()
    expect(page.get_by_label("Truck", exact=True)).to_have_value("T-0002")
    page.get_by_label("Name of the destination").fill("12 Polk Street")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("The delivery D-new was created.")).to_be_visible()

    [put] = [call for call in console.calls if call[0] == "PUT"]
    west, south, east, north = console.views[-1]["bbox"]
    assert put[1] == "/deliveries/D-new"
    assert (put[2]["truck_id"], put[2]["customer_id"]) == ("T-0002", "C-7")
    assert west < put[2]["origin"]["lon"] < put[2]["destination"]["lon"] < east
    assert south < put[2]["origin"]["lat"] < north
    assert put[2]["destination"]["name"] == "12 Polk Street"


SHOWN = """
window.shown = [];
new MutationObserver((changes) => {
  for (const {target} of changes) window.shown.push(Number(target.dataset.chosen.split(',')[1]));
}).observe(document, {subtree: true, attributes: true, attributeFilter: ['data-chosen']});
"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_trucks_move_smoothly_unless_motion_is_reduced(
    console: ConsoleBackend, open_page: OpenPage, motion: str
) -> None:
    page = open_page(console.console_url, viewport=DESK, init=SHOWN, reduced_motion=motion)
    sign_in(page)
    page.get_by_role("option", name="T-0002").click()
    page.get_by_role("button", name="Show on the map").click()
    wait_for_map(page)
    before = console.fleet[1]
    expect(page.locator(".canvas")).to_have_attribute("data-chosen", f"{before[1]},{before[2]}")
    page.evaluate("window.shown = []")
    after = [before[0], before[1], round(before[2] + 0.002, 5), *before[3:]]
    console.move([console.fleet[0], after, console.fleet[2]])

    expect(page.locator(".canvas")).to_have_attribute("data-chosen", f"{after[1]},{after[2]}")
    between = [lon for lon in page.evaluate("window.shown") if before[2] < lon < after[2]]
    assert bool(between) == (motion == "no-preference")


def test_creating_an_existing_delivery_does_not_change_it(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    page.get_by_role("button", name="New delivery").click()
    for label, value in (
        ("Delivery", "D-1"),
        ("Customer", "C-7"),
        ("Truck", "T-0002"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    page.locator("#new-origin").fill("41.88, -87.63")
    page.locator("#new-destination").fill("41.87, -87.66")
    page.get_by_role("button", name="Create").click()

    expect(page.locator(".create")).to_contain_text("It was not changed")
    assert [call for call in console.calls if call[0] == "PUT"] == []


def test_another_truck_for_a_delivery_can_be_chosen_on_the_map(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    console.snapshot = snapshot(position=position(*console.fleet[0][1:3]))
    page = open_page(console.console_url, viewport=DESK)
    sign_in(page)
    page.get_by_role("option", name="T-0001").click()
    page.get_by_role("button", name="Show on the map").click()
    wait_for_map(page)
    page.get_by_role("button", name="Another truck: choose on the map").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".picking")).to_have_count(0)
    page.get_by_role("button", name="Another truck: choose on the map").click()
    page.locator(".canvas").click()  # in the middle, where the truck is

    expect(page.get_by_label("Another truck", exact=True)).to_have_value("T-0001")
    expect(page.get_by_role("heading", name="T-0001")).to_be_visible()


def test_a_track_can_be_replayed(console: ConsoleBackend, open_page: OpenPage) -> None:
    console.track = [
        {
            "at": ago(600 - 10 * i),
            "lat": round(41.88 + i * 0.0002, 5),
            "lon": -87.63,
            "speed_mps": 10.0,
            "heading_deg": 0.0,
            "accuracy_m": 5.0,
        }
        for i in range(50)
    ]
    page = open_page(console.console_url, viewport=DESK, reduced_motion="no-preference")
    sign_in(page)
    page.get_by_role("option", name="T-0001").click()
    replay = page.get_by_role("region", name="Replay")
    expect(replay.get_by_label("What to replay")).to_have_value("delivery")
    replay.get_by_role("button", name="Load").click()
    expect(replay).to_contain_text("50 positions")
    expect(page.locator(".canvas")).to_have_attribute("data-moment", "41.88000,-87.63000")

    replay.get_by_label("Speed").select_option("300")
    replay.get_by_role("button", name="Play").click()
    expect(page.locator(".canvas")).to_have_attribute("data-moment", "41.88980,-87.63000")
    expect(replay.get_by_role("button", name="Play")).to_be_visible()
    replay.get_by_role("slider").press("Home")
    expect(page.locator(".canvas")).to_have_attribute("data-moment", "41.88000,-87.63000")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".canvas")).not_to_have_attribute("data-moment", re.compile("."))
    [call] = [call for call in console.calls if "/track" in call[1] and call[0] == "GET"]
    assert call[1].startswith("/trucks/T-0001/track?from=")


def test_alerts_include_trucks_outside_the_view(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    far = ["T-far", 35.1, 129.1, None, None, 0, "in_transit", "D-far", 1]
    arrived = ["T-there", 35.1, 129.2, None, None, 0, "arrived", "D-1", 0]
    parked = ["T-parked", 35.1, 129.3, None, None, 0, None, None, 6]
    lost = ["T-lost", 35.1, 129.4, None, None, 0, "nearby", "D-lost", 6]
    stale = ["T-stale", 35.1, 129.5, None, None, 0, "nearby", "D-stale", 2]
    console.plan["status"] = "arrived"
    console.plan["events"][-1].update(status="arrived", effective_at=ago(900))
    console.fleet = [far, arrived, parked, lost, stale]
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    expect(page.locator("[data-alerts='4']")).to_be_attached()
    expect(page).to_have_title("(4) Fleet")
    page.locator(".alerts summary").click()

    def named(kind: str) -> Any:
        return page.get_by_role("region", name=kind, exact=True).get_by_role("button")

    expect(named("Late")).to_have_text("T-far · D-far")
    expect(named("Offline")).to_have_text("T-lost · D-lost")
    expect(named("No usable position")).to_have_text("T-stale · D-stale")
    expect(named("Arrived, not closed")).to_contain_text("T-there · D-1 · 15 min. ago")
    page.get_by_role("searchbox").fill("T-parked")
    expect(page.get_by_role("option")).to_have_count(1)
    named("Late").click()
    expect(page.get_by_role("heading", name="T-far")).to_be_focused()


def test_a_late_delivery_shows_when_its_time_window_ended(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    page.get_by_role("option", name="T-0001").click()

    expect(page.locator(".detail .notice")).to_contain_text("Late: the agreed time ended at")
    expect(page.locator(".detail")).to_contain_text("C-1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_the_console_is_accessible_and_looks_like_its_reference(
    console: ConsoleBackend, open_page: OpenPage, locale: str, scheme: str
) -> None:
    page = open_page(
        console.console_url,
        viewport=DESK,
        locale=locale,
        color_scheme=scheme,
        bypass_csp=True,
        timezone_id=zone_at_noon(),
    )
    page.locator("button.primary").click()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("option", name="T-0001").click()
    expect(page.locator(".timeline li").first).to_be_visible()
    expect(page.locator("[data-map=on] [data-idle]")).to_be_visible()
    assert difference_from_reference(page, f"console-{locale}-{scheme}") is None
    assert faults_of(page) == []


def test_the_form_the_alerts_and_a_replay_are_accessible(
    console: ConsoleBackend, open_page: OpenPage
) -> None:
    console.track = [{"at": ago(60 - i), "lat": 41.88, "lon": -87.63} for i in range(9)]
    page = open_page(console.console_url, viewport=DESK, init=NO_WEBGL)
    sign_in(page)
    expect(page.locator("[data-alerts='1']")).to_be_attached()
    page.locator(".alerts summary").click()
    page.get_by_role("button", name="New delivery").click()
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".problem").first).to_be_visible()
    assert faults_of(page) == []

    page.get_by_role("option", name="T-0002").click()
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_role("slider")).to_be_visible()
    assert faults_of(page) == []


def faults_of(page: Page) -> list[Any]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]
    ]
