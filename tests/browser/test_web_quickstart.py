"""The quickstart of docs/web-client.md, unchanged: compiled, and run in a real Chromium.

It uses the client as it would be published, and runs in a page on an allowed origin.
"""

from __future__ import annotations

import functools
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sim.setup.places import find_places
from sim.setup.web import node_command
from tests.browser.conftest import OpenPage
from tests.support.browser import WITHIN_MS, complaints_of
from tests.support.client_package import unpacked
from tests.support.page_backend import TOKEN, PageBackend
from tests.support.page_messages import TRUCK, shared_delivery
from tests.support.source_tree import ROOT
from tests.support.waiting import eventually

DOCUMENT = (ROOT / "docs/web-client.md").read_text(encoding="utf-8")
PAGE = """<!doctype html>
<link rel="icon" href="data:,">
<script type="importmap">
{"imports": {"@rtdts/client": "./node_modules/@rtdts/client/dist/index.js"}}
</script>
<script type="module" src="quickstart.js"></script>
"""
COMPILER_OPTIONS = (
    "--strict",
    "--target es2022",
    "--lib es2023,dom",
    "--module esnext",
    "--moduleResolution bundler",
)
HIDE = """
Object.defineProperty(document, 'hidden', {value: true});
document.dispatchEvent(new Event('visibilitychange'));
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of the packed client, where npm would install it."""
    installed = tmp_path / "node_modules" / "@rtdts" / "client"
    installed.parent.mkdir(parents=True)
    return unpacked(tmp_path).rename(installed)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder, and yields its origin."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def write_page(folder: Path, code: str) -> None:
    (folder / "quickstart.ts").write_text(code, encoding="utf-8")
    (folder / "index.html").write_text(PAGE, encoding="utf-8")
    places = find_places()
    compiler = places.web / "node_modules" / "typescript" / "bin" / "tsc"
    options = " ".join(COMPILER_OPTIONS).split()
    compiled = subprocess.run(
        [node_command(places), compiler, *options, "quickstart.ts"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert compiled.returncode == 0, compiled.stdout


def test_the_quickstart_follows_a_delivery(
    backend: PageBackend, open_page: OpenPage, tmp_path: Path, package: Path
) -> None:
    backend.delivery = shared_delivery("assigned", 1)
    service = f"127.0.0.1:{backend.port}"
    (code,) = re.findall(r"```ts\n(.*?)```", DOCUMENT, re.DOTALL)
    ours = code.replace("https://api.example.com", f"http://{service}")
    write_page(tmp_path, ours.replace("wss://live.example.com", f"ws://{service}/live"))
    page = open_page("about:blank")
    complaints = complaints_of(page)
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    position = f"in_transit {{lat: {TRUCK[0]}, lon: {TRUCK[1]}"
    with (
        served(tmp_path) as backend.allowed_origin,
        page.expect_console_message(
            lambda message: message.text.startswith(position), timeout=WITHIN_MS
        ),
    ):
        page.goto(f"{backend.allowed_origin}/#{TOKEN}")

    assert lines[0].startswith("assigned")
    assert [request["delivery_id"] for request in backend.tracked] == ["D-1"]
    assert complaints == []
    assert len(code.splitlines()) <= 25

    with page.expect_console_message(
        lambda message: "connection: paused" in message.text, timeout=WITHIN_MS
    ):
        page.evaluate(HIDE)
    eventually(lambda: backend.open_sockets == 0)


def test_the_documented_fields_are_those_of_a_report(package: Path) -> None:
    listed = re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    declared = [
        field
        for name, interface in (("session", "SessionReport"), ("client", "Report"))
        for body in re.findall(
            rf"^export interface {interface}\b.*?^}}",
            (package / "dist" / f"{name}.d.ts").read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
        for field in re.findall(r"^    readonly (\w+)", body, re.MULTILINE)
    ]

    assert set(listed) == set(declared)
