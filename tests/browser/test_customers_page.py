"""The customer's page in a real Chromium, with a service that the test controls."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sim.setup.places import PROJECT
from tests.browser.conftest import OpenPage
from tests.support.browser import NO_WEBGL, WITHIN_MS, complaints_of
from tests.support.page_backend import PageBackend
from tests.support.page_messages import (
    TRUCK,
    ago,
    ended,
    position,
    shared_delivery,
    snapshot,
    status,
    update,
)
from tests.support.reference_screenshots import difference_from_reference, zone_at_noon
from tests.support.waiting import eventually

expect.set_options(timeout=WITHIN_MS)

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
AXE = PROJECT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# As large as the page: a larger screenshot would resize the map, and show it half drawn.
WHOLE_PAGE = {"width": 390, "height": 1300}
HIDE = """
Object.defineProperty(document, 'hidden', {get: () => window.isHidden === true});
window.hide = (isHidden) => {
  window.isHidden = isHidden;
  document.dispatchEvent(new Event('visibilitychange'));
};
"""


def headline(page: Page) -> Any:
    return expect(page.locator(".headline"))


def notices(page: Page) -> Any:
    return expect(page.locator(".notices"))


def map_is_drawn(page: Page) -> None:
    expect(page.locator("[data-map=on] [data-idle]")).to_be_visible()


def test_the_page_shows_status_expected_time_and_truck(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page("about:blank")
    complaints = complaints_of(page)
    page.goto(backend.link)

    headline(page).to_have_text("On the way to you")
    expect(page.locator(".range")).to_be_visible()
    expect(page.locator(".eta")).to_contain_text("straight-line distance")
    expect(page.locator(".window")).to_contain_text("Agreed time")
    expect(page.locator(".facts")).to_contain_text("1.8 km to go")
    expect(page.locator(".stops")).to_have_text("1 stop before you")
    expect(page.locator(".age")).to_contain_text("ago")
    expect(page.locator(".history li").first).to_contain_text("On the way to you")
    map_is_drawn(page)
    expect(page.locator(".canvas")).to_have_attribute("data-marker", f"{TRUCK[0]},{TRUCK[1]}")
    expect(page.locator(".truck-marker")).to_be_visible()
    expect(page.locator(".pin")).to_have_count(2)
    expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("OpenStreetMap")
    assert complaints == []


def test_the_marker_moves_smoothly_to_each_new_position(
    backend: PageBackend, open_page: OpenPage
) -> None:
    seen = """
    window.shown = [];
    new MutationObserver((changes) => {
      for (const {target} of changes) window.shown.push(target.dataset.marker);
    }).observe(document, {subtree: true, attributes: true, attributeFilter: ['data-marker']});
    """
    page = open_page(backend.link, init=seen, reduced_motion="no-preference")
    expect(page.locator(".canvas")).to_have_attribute("data-marker", f"{TRUCK[0]},{TRUCK[1]}")
    backend.send(update(41.8831, -87.6509))

    expect(page.locator(".canvas")).to_have_attribute("data-marker", "41.8831,-87.6509")
    expect(page.locator(".stops")).to_have_text("You are the next stop")
    between = [float(marker.split(",")[0]) for marker in page.evaluate("window.shown")]
    assert any(41.8831 < lat < TRUCK[0] for lat in between)


def test_the_marker_jumps_to_a_new_position_with_reduced_motion(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link)
    map_is_drawn(page)
    page.evaluate(
        "window.shown = []; new MutationObserver((all) => all.forEach(({target}) =>"
        " window.shown.push(target.dataset.marker))).observe(document, {subtree: true,"
        " attributes: true, attributeFilter: ['data-marker']})"
    )
    backend.send(update(41.8831, -87.6509))

    expect(page.locator(".canvas")).to_have_attribute("data-marker", "41.8831,-87.6509")
    assert set(page.evaluate("window.shown")) == {"41.8831,-87.6509"}


def test_a_new_status_is_shown_and_announced_to_screen_readers(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link, init=NO_WEBGL)
    headline(page).to_have_text("On the way to you")
    backend.send(status("nearby", 5))

    headline(page).to_have_text("Nearby")
    live = page.locator("[aria-live=polite]").filter(has=page.locator(".headline"))
    expect(live).to_have_text("Nearby")  # and no value that changes every second
    expect(page.locator(".history li").first).to_have_attribute("data-status", "nearby")


def test_a_stale_position_is_marked_as_stale(backend: PageBackend, open_page: OpenPage) -> None:
    old = position(*TRUCK, age_s=400.0, stale_since=ago(380))
    backend.snapshot = snapshot(position=old, position_at=ago(400), eta=None)
    page = open_page(backend.link)

    notices(page).to_contain_text("no usable position since")
    expect(page.locator(".age")).to_contain_text("7 min. ago")
    expect(page.locator("main")).to_contain_text("be estimated while the truck")
    expect(page.locator(".truck-marker.stale")).to_be_visible()


def test_an_old_position_is_reported_as_old(backend: PageBackend, open_page: OpenPage) -> None:
    backend.snapshot = snapshot(position=position(*TRUCK, age_s=200.0), position_at=ago(200))
    page = open_page(backend.link, init=NO_WEBGL)

    notices(page).to_contain_text("has not reported for a while")


def test_the_page_shows_that_its_device_is_offline(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link, init=NO_WEBGL)
    headline(page).to_have_text("On the way to you")
    page.context.set_offline(True)

    notices(page).to_contain_text("This device is offline. Last update:")
    headline(page).to_have_text("On the way to you")

    page.context.set_offline(False)

    expect(page.locator("[data-connection=fine]")).to_be_attached()


def test_a_lost_connection_is_shown_and_renewed(backend: PageBackend, open_page: OpenPage) -> None:
    page = open_page(backend.link, init=NO_WEBGL)
    headline(page).to_have_text("On the way to you")
    expect(page.locator(".age")).to_be_visible()  # the snapshot has arrived, not only the ticket
    backend.rejects = 503
    backend.end_sockets()

    notices(page).to_contain_text("The connection was lost; reconnecting")

    backend.snapshot = snapshot("arrived", 6)
    backend.rejects = None

    headline(page).to_have_text("At the destination")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    assert backend.tracked[-1]["since_version"] == 4


def test_a_delivered_delivery_shows_its_end(backend: PageBackend, open_page: OpenPage) -> None:
    page = open_page(backend.link, init=NO_WEBGL)
    headline(page).to_have_text("On the way to you")
    backend.send(status("delivered", 5))
    headline(page).to_have_text("Delivered")
    backend.send(ended("viewing_over"))

    notices(page).to_contain_text("Tracking of this delivery has ended")
    headline(page).to_have_text("Delivered")
    expect(page.locator(".age")).to_have_count(0)
    eventually(lambda: backend.open_sockets == 0)


def test_a_failed_delivery_shows_the_reason_of_its_failure(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link, init=NO_WEBGL)
    headline(page).to_have_text("On the way to you")
    backend.send(status("failed", 5, failure_code="nobody_home"))

    headline(page).to_have_text("The delivery failed")
    expect(page.locator(".failure")).to_have_text("Nobody was there to receive the delivery.")
    expect(page.locator(".progress")).to_have_count(0)


@pytest.mark.parametrize("fragment", ["", "#", "#a/b", "#%3Cscript%3E"])
def test_a_link_without_a_token_sends_no_request(
    backend: PageBackend, open_page: OpenPage, fragment: str
) -> None:
    page = open_page(backend.page_url + fragment)

    headline(page).to_contain_text("This link is incomplete")
    assert backend.tickets == 0


def test_an_invalid_token_shows_nothing(backend: PageBackend, open_page: OpenPage) -> None:
    page = open_page(f"{backend.page_url}#D-1~guessed")

    headline(page).to_have_text("This link is not valid, has expired or was revoked.")
    expect(page.locator("main")).not_to_contain_text("Polk")
    assert backend.tracked == []


def test_a_share_that_ends_while_its_page_is_open_ends_the_tracking(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link, init=NO_WEBGL)
    headline(page).to_have_text("On the way to you")
    backend.rejects = 404
    backend.send(ended("token_expired"))

    notices(page).to_contain_text("This link has expired or was revoked")
    eventually(lambda: backend.open_sockets == 0)


def test_markup_in_texts_of_the_service_is_shown_as_text(
    backend: PageBackend, open_page: OpenPage
) -> None:
    place = {"lat": TRUCK[0], "lon": TRUCK[1], "name": HOSTILE}
    backend.delivery = shared_delivery(
        "failed", 5, origin=place, destination=place, failure_code=HOSTILE
    )
    backend.snapshot = None
    page = open_page(backend.link)

    headline(page).to_have_text("The delivery failed")
    expect(page.locator(".places dd")).to_have_text([HOSTILE, HOSTILE])
    expect(page.locator(".failure")).to_contain_text("No reason was given")
    expect(page.locator("main img, main script")).to_have_count(0)
    expect(page).to_have_title("Your delivery")


DRAWS_NOTHING = """new Promise((done) => {
    const before = window.frames_;
    setTimeout(() => done(window.frames_ === before), 500);
})"""


def test_a_hidden_page_has_no_socket_and_draws_nothing(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link, init=HIDE)
    map_is_drawn(page)
    page.evaluate(
        "window.frames_ = 0; const raf = window.requestAnimationFrame.bind(window);"
        "window.requestAnimationFrame = (run) => { window.frames_ += 1; return raf(run); };"
        "window.hide(true)"
    )
    eventually(lambda: backend.open_sockets == 0)
    eventually(lambda: page.evaluate(DRAWS_NOTHING))  # frames that were begun before are done
    backend.snapshot = snapshot("nearby", 5)

    assert page.evaluate(DRAWS_NOTHING)
    headline(page).to_have_text("On the way to you")

    page.evaluate("window.hide(false)")

    headline(page).to_have_text("Nearby")
    assert backend.open_sockets == 1


def test_the_text_shows_everything_without_webgl(backend: PageBackend, open_page: OpenPage) -> None:
    page = open_page(backend.link, init=NO_WEBGL)

    headline(page).to_have_text("On the way to you")
    expect(page.locator("[data-map=failed]")).to_contain_text("The text has all the information")
    expect(page.locator(".facts")).to_contain_text("1.8 km to go")


def test_with_save_data_the_map_is_fetched_only_on_request(
    backend: PageBackend, open_page: OpenPage
) -> None:
    saving = "Object.defineProperty(navigator, 'connection', {value: {saveData: true}});"
    page = open_page("about:blank", init=saving)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(backend.link)
    expect(page.locator(".stops")).to_have_text("1 stop before you")

    assert not [url for url in fetched if "live_map" in url or "base_maps" in url]

    page.get_by_role("button", name="Show the map").click()

    map_is_drawn(page)


def test_the_status_and_position_are_shown_without_waiting_for_the_map(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page("about:blank")
    fetched: list[tuple[str, str]] = []
    page.on(
        "request",
        lambda request: fetched.append((request.url, "")) if "assets" in request.url else None,
    )
    page.route("**/live_map*.js", lambda route: None)  # never responds
    page.goto(backend.link)

    headline(page).to_have_text("On the way to you")
    expect(page.locator(".age")).to_be_visible()


def test_the_map_is_fetched_only_after_the_first_message(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page("about:blank")
    seen: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: seen.append("frame")))
    page.on("request", lambda request: seen.append(request.url))
    page.goto(backend.link)
    map_is_drawn(page)

    first_of_map = next(i for i, one in enumerate(seen) if "live_map" in one)
    assert "frame" in seen[:first_of_map]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_looks_like_its_reference(
    backend: PageBackend, open_page: OpenPage, language: str, scheme: str
) -> None:
    page = open_page(
        "about:blank",
        color_scheme=scheme,
        bypass_csp=True,
        viewport=WHOLE_PAGE,
        timezone_id=zone_at_noon(),
    )
    page.goto(f"{backend.page_url}?lang={language}{backend.link[len(backend.page_url) :]}")
    map_is_drawn(page)
    assert difference_from_reference(page, f"customer-{language}-{scheme}") is None
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")

    faults = [
        (fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]
    ]
    assert faults == [], json.dumps(faults, indent=1)


def test_the_page_can_be_switched_from_korean_to_english(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link, locale="ko-KR", init=NO_WEBGL)

    headline(page).to_have_text("배송 중입니다")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator(".age")).to_contain_text("전")

    page.get_by_role("button", name="English").click()

    headline(page).to_have_text("On the way to you")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_all_controls_are_reachable_by_keyboard_and_large_enough(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page(backend.link)
    map_is_drawn(page)
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement?.ariaLabel || document.activeElement?.textContent"
            )
        )
    sizes = page.evaluate(
        "[...document.querySelectorAll('button')].map((b) => b.getBoundingClientRect())"
        ".map(({width, height}) => Math.min(width, height))"
    )

    for name in ("한국어", "Map", "Zoom in", "Zoom out", "Hide the map", "Go to the truck"):
        assert name in reached
    assert min(sizes) >= 44


def test_a_page_of_another_origin_gets_no_ticket(backend: PageBackend, open_page: OpenPage) -> None:
    backend.allowed_origin = "http://elsewhere.test"
    page = open_page(backend.link)

    notices(page).to_contain_text("be reached; reconnecting")
    headline(page).to_have_text("Connecting…")


def test_the_pages_headers_are_those_of_the_deployment(
    backend: PageBackend, open_page: OpenPage
) -> None:
    page = open_page("about:blank")
    response = page.goto(backend.page_url)
    assert response is not None
    headers = response.all_headers()

    policy = headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert (
        f"connect-src 'self' http://127.0.0.1:{backend.port} ws://127.0.0.1:{backend.port};"
        in policy
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert re.search(r"no-cache", headers["cache-control"])
