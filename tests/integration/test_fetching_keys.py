"""The identity provider's documents over a real HTTP server on the loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from socket_lambda.signing_keys import KeysUnavailable, fetch_json


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        paths.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/keys")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = b'{"keys":[]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


paths: list[str] = []


@pytest.fixture
def server() -> Iterator[str]:
    paths.clear()
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_document_is_fetched(server: str) -> None:
    assert fetch_json(f"{server}/keys") == {"keys": []}


def test_a_redirect_is_not_followed(server: str) -> None:
    with pytest.raises(KeysUnavailable, match="302"):
        fetch_json(f"{server}/moved")

    assert paths == ["/moved"]
