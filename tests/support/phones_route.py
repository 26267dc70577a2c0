"""The route of the app OwnTracks as a server: ingest_lambda over HTTP, without a gateway."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ingest_lambda.bootstrap import build_app
from ingest_lambda.routes import POST_OWNTRACKS
from rtdts.runtime.deadline import Deadline
from sim.local_cloud.ports import HOST, free_port
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.fake_stream import FakeStream


@contextlib.contextmanager
def serving_phones(devices: FakeDeviceStore) -> Iterator[str]:
    """Serves the route for some devices, and yields its URL.

    Devices are cached for no longer than one request, so that tests do not depend on time.
    """
    method, path = POST_OWNTRACKS
    clock_ms = int(time.time() * 1_000)

    def now_ms() -> int:
        nonlocal clock_ms
        clock_ms += 60_000
        return clock_ms

    app = build_app(
        {"STREAM_NAME": "s", "BLOCKED_IDENTITIES_TABLE": "b", "DEVICE_CREDENTIALS_TABLE": "d"},
        FakeStream(),
        blocks=FakeBlockStore(),
        devices=devices,
        now_ms=now_ms,
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            event = {
                "routeKey": f"{method} {self.path}",
                "rawQueryString": "",
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.decode(),
                "isBase64Encoded": False,
            }
            response = app.phones.handle(event, deadline=Deadline(0)).response
            self.send_response(response["statusCode"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer((HOST, free_port()), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
