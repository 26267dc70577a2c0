"""The client's HTTP requests and sockets against local test servers."""

import http
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from rtdts_client.http_post import post
from rtdts_client.sockets import SocketLostError, open_websocket


class Handler(BaseHTTPRequestHandler):
    requested: list[str]

    def do_POST(self) -> None:
        self.requested.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/broken":
            self.wfile.write(b"no HTTP\r\n\r\n")
            return
        self.send_response({"/ok": 201, "/busy": 429, "/elsewhere": 303}[self.path])
        self.send_header("Retry-After", "7")
        self.send_header("Location", "/ok")
        output = (self.headers["Authorization"] or "").encode() + body
        self.send_header("Content-Length", str(len(output)))
        self.end_headers()
        self.wfile.write(output)

    def do_GET(self) -> None:
        self.requested.append(f"GET {self.path}")
        self.send_error(405)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.requested = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_a_post_returns_status_body_and_retry_after(api: str) -> None:
    created = await post(f"{api}/ok", {"Authorization": "Bearer x"}, b" body")
    busy = await post(f"{api}/busy", {}, b"")

    assert (created.status, created.body) == (201, b"Bearer x body")
    assert (busy.status, busy.retry_after, busy.body) == (429, "7", b"")


async def test_a_redirect_is_not_followed_with_a_token(api: str) -> None:
    response = await post(f"{api}/elsewhere", {"Authorization": "Bearer x"}, b"")

    assert response.status == 303
    assert Handler.requested == ["/elsewhere"]


async def test_an_invalid_response_and_a_missing_server_raise_os_error(api: str) -> None:
    with pytest.raises(OSError, match="no response"):
        await post(f"{api}/broken", {}, b"")
    with pytest.raises(OSError, match="refused"):
        await post("http://127.0.0.1:9/", {}, b"")


async def test_a_url_that_is_not_http_is_rejected() -> None:
    with pytest.raises(OSError, match="unknown url type"):
        await post("file:///etc/hostname", {}, b"")


def check_credentials(connection: ServerConnection, request: Request) -> Response | None:
    if "ticket=good" in request.path:
        return None
    return connection.respond(http.HTTPStatus.UNAUTHORIZED, "no")


async def echo_once(connection: ServerConnection) -> None:
    await connection.send(await connection.recv())


@pytest.fixture
async def live() -> AsyncIterator[str]:
    async with serve(echo_once, "127.0.0.1", 0, process_request=check_credentials) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"


async def test_frames_are_sent_and_received_until_the_socket_is_lost(live: str) -> None:
    socket = await open_websocket(f"{live}?ticket=good")
    await socket.send("hello")

    assert await socket.receive() == "hello"

    with pytest.raises(SocketLostError):
        await socket.receive()
    with pytest.raises(SocketLostError):
        await socket.send("again")

    await socket.close()


async def test_a_rejected_or_missing_socket_counts_as_lost(live: str) -> None:
    with pytest.raises(SocketLostError):
        await open_websocket(f"{live}?ticket=spent")
    with pytest.raises(SocketLostError):
        await open_websocket("ws://127.0.0.1:9/live?ticket=good")
