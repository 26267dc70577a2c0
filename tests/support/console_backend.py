"""A service for the dispatcher's console that a test controls, with the local login page."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from sim.environment import console_url
from sim.local_cloud.identity_provider import IdentityProvider, serve
from sim.local_cloud.ports import free_port
from sim.local_cloud.sign_in import Client, SignIn
from sim.local_cloud.token_issuer import TokenIssuer
from tests.support.fleet_rows import Row, shown
from tests.support.page_backend import HOST, PageBackend

CLIENT_ID = "console-of-the-tests"


class ConsoleBackend(PageBackend):
    """Stands in for the service of one console.

    Attributes:
        fleet: Rows of trucks; each view contains the same trucks as with the real service.
        views: The `track_fleet` requests of the map, in order.
        alert_views: The `track_fleet` requests of the alerts, in order: they cover the whole
            world, with a filter.
        calls: Method, path, body and headers of each request except for tickets.
        plan: The response to a GET of the only delivery.
        track: The points of every truck's track, in one page.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fleet: list[Row] = []
        self.views: list[dict[str, Any]] = []
        self.alert_views: list[dict[str, Any]] = []
        self._shown: dict[web.WebSocketResponse, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any, dict[str, str]]] = []
        self.plan: dict[str, Any] = {}
        self.track: list[dict[str, Any]] = []
        self.console_url = console_url(self.page_url.rstrip("/"))
        self.issuer_port = free_port()
        self.issuer = f"http://{HOST}:{self.issuer_port}"

    @contextmanager
    def running(self) -> Iterator[ConsoleBackend]:
        """Runs all servers for the duration of a `with` block."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issuer = TokenIssuer(key, issuer=self.issuer, audience="rtdts")
        client = Client(client_id=CLIENT_ID, redirect_uris=(self.console_url,))
        sign_in = SignIn(issuer, [client], now_s=time.time, make_code=secrets.token_urlsafe)
        provider = IdentityProvider(issuer, secret="of the tests", now_s=time.time)
        with serve(provider, host=HOST, port=self.issuer_port, sign_in=sign_in) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                with super().running():
                    yield self
            finally:
                server.shutdown()
                thread.join()

    def _config(self) -> dict[str, Any]:
        sign_in = {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "scope": "openid",
            "origins": [],
        }
        return {**super()._config(), "sign_in": sign_in}

    def _add_routes(self, service: web.Application) -> None:
        super()._add_routes(service)
        service.router.add_post("/tickets", self._fleet_ticket)
        service.router.add_route("*", "/deliveries/{path:.*}", self._call)
        service.router.add_get("/trucks/{truck_id}/track", self._track)

    async def _fleet_ticket(self, request: web.Request) -> web.Response:
        if self.rejects is not None:
            return web.json_response({}, status=self.rejects, headers=self._allowed())
        assert request.headers["Authorization"].startswith("Bearer ")
        return web.json_response({"ticket": "of-the-fleet"}, headers=self._allowed())

    async def _call(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.calls.append((request.method, request.path, body, dict(request.headers)))
        response = {"token": "D-1~new"} if request.path.endswith("/shares") else self.plan
        is_read = request.method == "GET"
        if is_read and request.path != f"/deliveries/{self.plan.get('delivery_id')}":
            return web.json_response({}, status=404, headers=self._allowed())
        return web.json_response(response, headers=self._allowed())

    async def _track(self, request: web.Request) -> web.Response:
        self.calls.append((request.method, request.path_qs, None, dict(request.headers)))
        page = {"truck_id": "T", "points": self.track, "next_cursor": None}
        return web.json_response(page, headers=self._allowed())

    def move(self, fleet: list[Row]) -> None:
        """Changes the fleet, and sends it to each socket."""
        self.fleet = fleet
        self._run(self._show_all())

    async def _show_all(self) -> None:
        for socket, view in list(self._shown.items()):
            if not socket.closed:
                await self._show(socket, view)

    async def _on_message(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        if message["action"] != "track_fleet":
            await super()._on_message(socket, message)
            return
        is_alert = message["zoom"] == 0 and "filter" in message
        (self.alert_views if is_alert else self.views).append(message)
        self._shown[socket] = message
        await self._show(socket, message)

    async def _show(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        total, trucks, clusters = shown(self.fleet, message)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        await socket.send_json(
            {
                "v": 1,
                "type": "fleet",
                "sent_at": now,
                "view": message["view"],
                "as_of": now,
                "total": total,
                "trucks": trucks,
                "clusters": clusters,
            }
        )
