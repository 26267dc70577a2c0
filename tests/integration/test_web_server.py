"""The local stand-in for CloudFront: headers, caching, byte ranges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient as AioClient
from aiohttp.test_utils import TestServer as AioServer

from sim.local_cloud.web_server import HEADERS, make_application, page_headers

Client = AioClient[web.Request, web.Application]

CONFIG = {
    "server_url": "https://api.test/_aws/execute-api/x",
    "websocket_url": "wss://socket.test:4566/live",
    "map": None,
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    pages, maps = tmp_path / "pages", tmp_path / "maps"
    (pages / "assets").mkdir(parents=True)
    maps.mkdir()
    (pages / "index.html").write_text("<!doctype html>")
    (pages / "console.html").write_text("<!doctype html><title>Console")
    (pages / "assets" / "tracking-1.js").write_text("1")
    (maps / "city.pmtiles").write_bytes(bytes(range(200)))
    application = make_application(CONFIG, pages=pages, base_maps=maps)
    async with AioClient(AioServer(application)) as client:
        yield client


async def test_pages_may_connect_to_the_service_and_to_nothing_else(client: Client) -> None:
    response = await client.get("/")

    policy = response.headers["Content-Security-Policy"]
    assert "connect-src 'self' https://api.test wss://socket.test:4566;" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "$" not in policy


@pytest.mark.parametrize(
    "path", ["/", "/console.html", "/config.json", "/assets/tracking-1.js", "/nothing"]
)
async def test_every_response_has_the_security_headers(client: Client, path: str) -> None:
    response = await client.get(path)

    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response.headers["X-Robots-Tag"]


@pytest.mark.parametrize(
    ("path", "caching"),
    [
        ("/", "no-cache"),
        ("/console.html", "no-cache"),
        ("/config.json", "no-cache"),
        ("/assets/tracking-1.js", "immutable"),
        ("/base_maps/city.pmtiles", "max-age=86400"),
    ],
)
async def test_only_files_that_cannot_change_are_cached_without_revalidation(
    client: Client, path: str, caching: str
) -> None:
    response = await client.get(path)

    assert response.status == 200
    assert caching in response.headers["Cache-Control"]


async def test_the_configuration_is_what_it_was_given(client: Client) -> None:
    response = await client.get("/config.json")

    assert await response.json() == CONFIG


async def test_a_byte_range_of_the_base_map_can_be_read(client: Client) -> None:
    response = await client.get("/base_maps/city.pmtiles", headers={"Range": "bytes=10-19"})

    assert response.status == 206
    assert await response.read() == bytes(range(10, 20))


@pytest.mark.parametrize("path", ["/../headers.json", "/assets/../../headers.json", "/.vite/x"])
async def test_files_outside_the_pages_are_not_served(client: Client, path: str) -> None:
    response = await client.get(path)

    assert response.status == 404


def test_the_page_policy_allows_the_consoles_sign_in() -> None:
    sign_in = {"issuer": "https://id.test/pool", "origins": ["https://login.test"]}
    template = HEADERS.read_text(encoding="utf-8")
    policy = page_headers({**CONFIG, "sign_in": sign_in}, template)["Content-Security-Policy"]

    assert "https://id.test https://login.test;" in policy
