"""A service for the customer's page that a test controls: share tickets, and sockets.

It runs on its own thread, and like the gateway on another port than the page.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aiohttp import WSMsgType, web

from deploy.preflight import METHODS, REQUEST_HEADERS
from sim.local_cloud.ports import free_port
from sim.local_cloud.web_server import BASE_MAPS, PAGES, make_application
from tests.support.waiting import SHORT_DEADLINE_S

HOST = "127.0.0.1"
TOKEN = "D-1~a-share-of-the-tests"
T = TypeVar("T")


class PageBackend:
    """Stands in for the service of one page.

    Attributes:
        page_url: The page's URL, without a fragment.
        delivery: The delivery in the response with a ticket.
        snapshot: The response to `track`; None: no response.
        tracked: The `track` requests, in order.
        tickets: The number of issued tickets.
        rejects: The status code instead of a ticket; None: tickets are issued.
        allowed_origin: The origin whose pages may send requests.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._sockets: set[web.WebSocketResponse] = set()
        self.port, self.page_port = free_port(), free_port()
        self.page_url = f"http://{HOST}:{self.page_port}/"
        self.allowed_origin = f"http://{HOST}:{self.page_port}"
        self.delivery: dict[str, Any] = {}
        self.snapshot: dict[str, Any] | None = None
        self.tracked: list[dict[str, Any]] = []
        self._is_tracked = asyncio.Event()
        self.tickets = 0
        self.rejects: int | None = None
        self.map: dict[str, Any] | None = {
            "style_url": "base_maps/chicago.light.json",
            "dark_style_url": "base_maps/chicago.dark.json",
        }

    @property
    def link(self) -> str:
        """The link that a customer gets."""
        return f"{self.page_url}#{TOKEN}"

    @property
    def open_sockets(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message to every socket, once one has its snapshot: the page is drawn before."""
        self._run(self._send(message))

    def end_sockets(self) -> None:
        """Ends every socket."""
        self._run(self._end())

    @contextmanager
    def running(self) -> Iterator[PageBackend]:
        """Runs both servers for the duration of a `with` block."""
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        runners = self._run(self._start())
        try:
            yield self
        finally:
            self._run(self._end())
            for runner in runners:
                self._run(runner.cleanup())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SHORT_DEADLINE_S)

    async def _start(self) -> list[web.AppRunner]:
        service = web.Application()
        self._add_routes(service)
        pages = make_application(self._config(), pages=PAGES, base_maps=BASE_MAPS)
        runners = []
        for application, port in ((service, self.port), (pages, self.page_port)):
            runner = web.AppRunner(application, shutdown_timeout=1.0)
            await runner.setup()
            await web.TCPSite(runner, HOST, port).start()
            runners.append(runner)
        return runners

    def _config(self) -> dict[str, Any]:
        return {
            "server_url": f"http://{HOST}:{self.port}",
            "websocket_url": f"ws://{HOST}:{self.port}/live",
            "map": self.map,
        }

    def _add_routes(self, service: web.Application) -> None:
        service.router.add_route("OPTIONS", "/{path:.*}", self._preflight)
        service.router.add_post("/shares/tickets", self._ticket)
        service.router.add_get("/live", self._socket)

    def _allowed(self) -> dict[str, str]:
        return {
            "Access-Control-Allow-Origin": self.allowed_origin,
            "Access-Control-Allow-Methods": ", ".join(METHODS),
            "Access-Control-Allow-Headers": ", ".join(REQUEST_HEADERS),
        }

    async def _preflight(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers=self._allowed())

    async def _ticket(self, request: web.Request) -> web.Response:
        rejects = self.rejects or (404 if (await request.json())["token"] != TOKEN else None)
        if rejects is not None:
            return web.json_response({"status": rejects}, status=rejects, headers=self._allowed())
        self.tickets += 1
        body = {"ticket": f"ticket-{self.tickets}", "delivery": self.delivery}
        return web.json_response(body, status=201, headers=self._allowed())

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    continue
                await self._on_message(socket, json.loads(frame.data))
        finally:
            self._sockets.discard(socket)
            if not self._sockets:
                self._is_tracked.clear()
        return socket

    async def _on_message(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        if message["action"] == "ping":
            await socket.send_json({"v": 1, "type": "pong"})
        elif message["action"] == "track":
            self.tracked.append(message)
            if self.snapshot is not None:
                await socket.send_json(self.snapshot)
            self._is_tracked.set()

    async def _send(self, message: dict[str, Any]) -> None:
        await self._is_tracked.wait()
        for socket in list(self._sockets):
            await socket.send_json(message)

    async def _end(self) -> None:
        for socket in list(self._sockets):
            await socket.close()
