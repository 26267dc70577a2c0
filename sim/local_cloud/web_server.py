"""The stand-in for CloudFront: serves the built pages, their configuration and the base map.

    python -m sim.local_cloud.web_server --port 8090 --config run/web.json

It sends the headers of the deployment (``web/headers.json``) and supports byte ranges, which
reading PMTiles requires.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sim.setup.places import PROJECT

PAGES = PROJECT / "web" / "dist"
BASE_MAPS = PROJECT / "web" / "base_maps"
HEADERS = PROJECT / "web" / "headers.json"

FOREVER = "public, max-age=31536000, immutable"
"""Caching of files whose names change with their content."""

A_DAY = "public, max-age=86400"
REVALIDATE = "no-cache"


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as a content security policy names it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def page_headers(config: Mapping[str, Any], template: str) -> dict[str, str]:
    """The headers of every response.

    Args:
        config: Configuration of the pages: where the service is.
        template: ``web/headers.json``.
    """
    urls = [config["server_url"], config["websocket_url"]]
    if sign_in := config.get("sign_in"):
        urls += [sign_in["issuer"], *sign_in["origins"]]
    origins = dict.fromkeys(origin_of(str(url)) for url in urls)
    filled = template.replace("${connect}", " ".join(origins))
    headers: dict[str, str] = json.loads(filled)
    return headers


def make_application(config: Mapping[str, Any], *, pages: Path, base_maps: Path) -> web.Application:
    """The web application.

    Args:
        config: The content of ``config.json``.
        pages: The folder of the built pages.
        base_maps: The folder of PMTiles and styles.
    """
    headers = page_headers(config, HEADERS.read_text(encoding="utf-8"))

    async def secured(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)
        response.headers["Cache-Control"] = _caching(request.path)

    async def index(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(pages / "index.html")

    async def console(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(pages / "console.html")

    async def configuration(_: web.Request) -> web.StreamResponse:
        return web.json_response(dict(config))

    application = web.Application()
    application.on_response_prepare.append(secured)
    application.router.add_get("/", index)
    application.router.add_get("/console.html", console)
    application.router.add_get("/config.json", configuration)
    application.router.add_static("/assets", pages / "assets")
    application.router.add_static("/base_maps", base_maps)
    return application


def _caching(path: str) -> str:
    if path.startswith("/assets/"):
        return FOREVER
    return A_DAY if path.startswith("/base_maps/") else REVALIDATE


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m sim.local_cloud.web_server")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--config", type=Path, required=True, help="the pages' config.json")
    args = parser.parse_args(arguments)
    if not (PAGES / "index.html").is_file():
        parser.error(f"{PAGES} has no pages: run make web")
    config = json.loads(args.config.read_text(encoding="utf-8"))
    application = make_application(config, pages=PAGES, base_maps=BASE_MAPS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"pages at http://{args.host}:{args.port}", file=sys.stderr)
    web.run_app(application, host=args.host, port=args.port, print=None, access_log=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
